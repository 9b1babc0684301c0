"""Scale and mean of each source from a store's statistics, and a stored batch made ready to train.

A store's statistics are over the rows that its mask keeps, attention sinks left out, so that those
do not set the scale; BOS and other special tokens are no rows. Where other rows are asked for, mean
and root mean squared length are taken over them, from the norms that the store keeps; means and
variances (`centre`) stay those of the store's statistics. The mean length about the mean is in no
statistics: it is read from rows.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from xc.store_schema import (
    ActivationStore,
    NumericalError,
    RequestError,
    RowFilter,
    SourceStatistics,
)
from xc.store_schema.row_filter import DEFAULT
from xc.train.crosscoder import Crosscoder
from xc.train.measured_scale import mean_length_about

_NORMS_SINCE = 2
"""Version of the store from which on it keeps the norm of each row, roles and sinks."""

Scale = Callable[[SourceStatistics, bool], float]
"""(statistics of a source, whether its mean is subtracted) -> factor."""


def mean_norm(statistics: SourceStatistics, centred: bool) -> float:
    """c = √d / mean_t ‖x_t‖ (Kissane et al.), of x − mean where that is subtracted."""
    return math.sqrt(len(statistics.mean)) / statistics.mean_norm


def rms(statistics: SourceStatistics, centred: bool) -> float:
    """√d over the root mean squared length, of x − mean where that is subtracted."""
    length = math.sqrt(statistics.variance.sum()) if centred else statistics.rms_norm
    return math.sqrt(len(statistics.mean)) / length


def none(statistics: SourceStatistics, centred: bool) -> float:
    """1."""
    return 1.0


SCALES: dict[str, Scale] = {"mean_norm": mean_norm, "rms": rms, "none": none}


def scales_of(
    store: ActivationStore,
    keys: Sequence[str],
    *,
    normalisation: str,
    centred: bool,
    row_filter: RowFilter = DEFAULT,
) -> tuple[float, ...]:
    """The factor of each source.

    Args:
        store: a complete store.
        keys: sources, A first.
        normalisation: one of `SCALES`.
        centred: whether means are subtracted before scaling.
        row_filter: the rows that the factors are for.

    Raises:
        NumericalError: if a source's statistics are not finite.
        RequestError: if a source is zero everywhere.
    """
    found = {key: statistics_of(store, key, keys, row_filter) for key in dict.fromkeys(keys)}
    if centred and normalisation == "mean_norm":
        rows = np.flatnonzero(row_filter.mask(store, keys, 0, store.n_rows))
        found = {key: _about_mean(store, key, values, rows) for key, values in found.items()}
    return tuple(_scale(store, key, found[key], normalisation, centred) for key in keys)


def statistics_of(
    store: ActivationStore, key: str, keys: Sequence[str], row_filter: RowFilter
) -> SourceStatistics:
    """Statistics of a source with the lengths of the filtered rows of `keys`, in both splits."""
    statistics = store.statistics(key)
    if row_filter == DEFAULT or store.attributes["schema_version"] < _NORMS_SINCE:
        return statistics
    norms = store.norms(key)
    n, total, squares = 0, 0.0, 0.0
    for start, stop in store.blocks():
        kept = norms[start:stop][row_filter.mask(store, keys, start, stop)].astype(np.float64)
        n, total, squares = n + len(kept), total + kept.sum(), squares + np.square(kept).sum()
    n = max(n, 1)
    return replace(statistics, mean_norm=float(total / n), rms_norm=math.sqrt(squares / n))


def _about_mean(
    store: ActivationStore, key: str, statistics: SourceStatistics, rows: np.ndarray
) -> SourceStatistics:
    """The same with the mean length of rows about the mean, which no store keeps."""
    if len(rows) == 0 or not np.isfinite(statistics.mean).all():
        return statistics
    length = mean_length_about(statistics.mean, store, key, rows)
    return replace(statistics, mean_norm=length)


def _scale(
    store: ActivationStore,
    key: str,
    statistics: SourceStatistics,
    normalisation: str,
    centred: bool,
) -> float:
    if not (np.isfinite(statistics.mean).all() and np.isfinite(statistics.variance).all()):
        raise NumericalError(
            f"{store.path}: the statistics of {key} are not finite, so its rows hold NaN or "
            "infinite values; harvest it again"
        )
    if statistics.rms_norm == 0 or (centred and not statistics.variance.any()):
        raise RequestError(f"{store.path}: {key} does not vary; there is nothing to learn")
    return SCALES[normalisation](statistics, centred)


def means_of(store: ActivationStore, keys: Sequence[str]) -> tuple[np.ndarray, ...]:
    """The mean [d_model] of each source, float32."""
    return tuple(store.statistics(key).mean.astype(np.float32) for key in keys)


@torch.no_grad()
def prepare(crosscoder: Crosscoder, parts: Sequence[Tensor]) -> Tensor:
    """Stored rows, one [row, d_model] per source, as the crosscoder trains on them.

    Rows go to the crosscoder's device as stored and are widened, joined and normalised there; one
    that is folded takes them raw.
    """
    like = crosscoder.b_dec
    x = like.new_empty(len(parts[0]), len(like))
    for columns, part in zip(crosscoder.columns, parts, strict=True):
        x[:, columns] = part.to(like.device, non_blocking=True)
    if crosscoder.folded:
        return x
    for columns in crosscoder.centred_columns:
        x[:, columns] -= x[:, columns].mean(dim=1, keepdim=True)
    if crosscoder.centred:
        x -= crosscoder.mean
    return x.mul_(crosscoder.column_scale)
