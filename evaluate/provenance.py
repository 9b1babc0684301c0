"""What an evaluation was made from: text, rows, fingerprints, versions."""

import hashlib
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import numpy as np

from xc.evaluate.blocks import Range
from xc.evaluate.clusters import Clusters
from xc.evaluate.metric import Metric
from xc.evaluate.reader import Reader, block_type
from xc.evaluate.row_counts import RowCounts
from xc.store_schema import ActivationStore, canonical_json

METHODS = 8
"""To be raised when what becomes of the sums changes: `finish` of a metric, intervals, twins,
tables. Evaluations made before are then made anew, from the sums that are kept."""

DISTRIBUTIONS = ("xcdiff", "dask", "numpy", "pyarrow", "scipy")


def provenance(reader: Reader, ranges: tuple[Range, ...], counts: RowCounts) -> dict[str, Any]:
    """The object of provenance.json; equal inputs give equal values."""
    store = reader.store
    return {
        "text": str(store.attributes["corpus"].get("name", "")),
        "rows": store.n_rows,
        "heldout_rows": counts.kept,
        "heldout_sequences": _n_sequences(reader, ranges),
        "filter": _filter(reader),
        "sinks": {key: _sinks(store, key) for key in reader.keys},
        "checkpoint_fingerprint": reader.checkpoint.fingerprint,
        "store_fingerprint": store.fingerprint_of(reader.keys),
        "versions": {name: metadata.version(name) for name in DISTRIBUTIONS},
    }


def measured_by(metrics: Sequence[Metric], clusters: Clusters, intervals: str) -> dict[str, Any]:
    """What else a finished evaluation depends on: metrics, methods and their versions, clusters,
    how intervals are found."""
    versions = {"methods": METHODS, **{m.name: m.version for m in metrics}}
    digest = hashlib.sha256(canonical_json(versions).encode()).hexdigest()[:16]
    return {
        "clusters": {"unit": clusters.unit, "n": clusters.n},
        "intervals": intervals,
        "metrics": digest,
        "tiles": block_type().__name__,
    }


def _filter(reader: Reader) -> str:
    """The run's filter in words, and what narrows it."""
    narrowed = f"; of these, only {', '.join(reader.keep)}" if reader.keep else ""
    return reader.row_filter.words + narrowed


def _sinks(store: ActivationStore, key: str) -> int | None:
    """Attention sinks of a source in the whole store, as it says itself; None if it does not."""
    found = store.attributes["statistics"].get(key, {}).get("sinks")
    return None if found is None else int(found)


def _n_sequences(reader: Reader, ranges: tuple[Range, ...]) -> int:
    """Sequences that begin in the ranges (splits never cut one)."""
    offsets = reader.store.sequences.row_offsets
    starts, ends = offsets[:-1], offsets[1:]
    held = [(starts >= a) & (ends <= b) & (ends > starts) for a, b in ranges]
    return int(np.count_nonzero(np.logical_or.reduce(held)))
