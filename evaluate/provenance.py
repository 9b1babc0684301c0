"""What an evaluation was made from: text, rows, fingerprints, versions."""

from importlib import metadata
from typing import Any

import numpy as np

from xc.evaluate.blocks import Range
from xc.evaluate.reader import Reader, n_kept

DISTRIBUTIONS = ("xcdiff", "dask", "numpy", "pyarrow", "scipy")


def provenance(reader: Reader, ranges: tuple[Range, ...]) -> dict[str, Any]:
    """The object of provenance.json; equal inputs give equal values."""
    store = reader.store
    return {
        "text": str(store.attributes["corpus"].get("name", "")),
        "rows": store.n_rows,
        "heldout_rows": n_kept(store, ranges),
        "heldout_sequences": _n_sequences(reader, ranges),
        "checkpoint_fingerprint": reader.checkpoint.fingerprint,
        "store_fingerprint": store.fingerprint_of(reader.keys),
        "versions": {name: metadata.version(name) for name in DISTRIBUTIONS},
    }


def _n_sequences(reader: Reader, ranges: tuple[Range, ...]) -> int:
    """Sequences that begin in the ranges (splits never cut one)."""
    offsets = reader.store.sequences.row_offsets
    starts, ends = offsets[:-1], offsets[1:]
    held = [(starts >= a) & (ends <= b) & (ends > starts) for a, b in ranges]
    return int(np.count_nonzero(np.logical_or.reduce(held)))
