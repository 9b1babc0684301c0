"""Scale and mean of each source from a store's statistics, and a stored batch made ready to train.

A store's statistics are over the rows that its mask keeps; BOS and other special tokens are no
rows, so that attention sinks do not set the scale.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from xc.store_schema import ActivationStore, NumericalError, RequestError, SourceStatistics
from xc.train.crosscoder import Crosscoder

Scale = Callable[[SourceStatistics, bool], float]
"""(statistics of a source, whether its mean is subtracted) -> factor."""


def mean_norm(statistics: SourceStatistics, centred: bool) -> float:
    """c = √d / mean_t ‖x_t‖ (Kissane et al.)."""
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
    store: ActivationStore, keys: Sequence[str], *, normalisation: str, centred: bool
) -> tuple[float, ...]:
    """The factor of each source.

    Raises:
        NumericalError: if a source's statistics are not finite.
        RequestError: if a source is zero everywhere.
    """
    return tuple(_scale(store, key, normalisation, centred) for key in keys)


def _scale(store: ActivationStore, key: str, normalisation: str, centred: bool) -> float:
    statistics = store.statistics(key)
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

    Rows go to the crosscoder's device as stored and are widened, joined and normalised there.
    """
    like = crosscoder.b_dec
    x = like.new_empty(len(parts[0]), len(like))
    for columns, part in zip(crosscoder.columns, parts, strict=True):
        x[:, columns] = part.to(like.device)
    if crosscoder.centred:
        x -= crosscoder.mean
    return x.mul_(crosscoder.column_scale)
