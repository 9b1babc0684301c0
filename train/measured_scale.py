"""Mean lengths that a store does not keep: read from some of its rows."""

from collections.abc import Sequence

import numpy as np
import torch

from xc.store_schema import ActivationStore, RequestError
from xc.store_schema.row_filter import DEFAULT
from xc.train.kept import spread_rows
from xc.train.stream import read_rows

ROWS = 65_536
"""Train rows that are read for the scale of other people's crosscoders, from the first on."""
CENTRED_ROWS = 32_768
"""Rows, spread over the store, that the mean length about the mean is taken from."""
_BLOCK = 4096
"""Rows read at once."""


def measured_scales(
    store: ActivationStore, keys: Sequence[str], centred: Sequence[bool]
) -> tuple[float, ...]:
    """c = √d_model / mean ‖x‖ of each source over train rows (Kissane et al.), where the files of a
    crosscoder do not hold it.

    Args:
        store: holds the sources.
        keys: sources, A first.
        centred: per source, whether each row's own mean is subtracted first.

    Raises:
        RequestError: if no row takes part, or all of them are zero.
    """
    totals, n = np.zeros(len(keys)), 0
    for start, stop in store.blocks("train"):
        kept = DEFAULT.mask(store, keys, start, stop)
        n += int(kept.sum())
        for m, key in enumerate(keys):
            rows = store.activations(key)[start:stop][kept].astype(np.float64)
            if centred[m]:
                rows -= rows.mean(axis=1, keepdims=True)
            totals[m] += np.linalg.norm(rows, axis=1).sum()
        if n >= ROWS:
            break
    if n == 0 or not totals.all():
        raise RequestError(f"{store.path}: its train rows give no scale; give --scale as numbers")
    widths = [store.source(key).d_model for key in keys]
    return tuple(float(np.sqrt(d) * n / t) for d, t in zip(widths, totals, strict=True))


def mean_length_about(
    mean: np.ndarray, store: ActivationStore, key: str, rows: np.ndarray
) -> float:
    """mean ‖x − mean‖ of a source: exact over so many rows, else over some spread among them.

    Args:
        mean: [d_model], float64.
        store: holds the source.
        key: the source.
        rows: their numbers, int64, ascending; at least one.
    """
    picked, centre = spread_rows(rows, CENTRED_ROWS), torch.from_numpy(mean)
    total = 0.0
    for block in np.split(picked, range(_BLOCK, len(picked), _BLOCK)):
        x = read_rows(store, [key], block).data[key].double() - centre
        total += float(x.norm(dim=1).sum())
    return total / len(picked)
