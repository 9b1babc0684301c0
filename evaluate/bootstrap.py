"""Bootstrap intervals over sequences, from per-sequence sums: the rows are not read again."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Sums
from xc.evaluate.sequence_sums import SEQUENCE, TABLE

LEVEL = 0.95
_STREAM = 1


def interval(metric: Metric, sums: Sums, facts: Facts, *, resamples: int) -> np.ndarray | None:
    """95 % percentile interval of a metric that has a `statistic`.

    Sequences are drawn with replacement, whole; rows within one are not independent.

    Returns:
        float64 [2, …value]: low and high; None where there is nothing to resample.
    """
    if metric.statistic is None or resamples == 0 or len(sums[SEQUENCE]) < 2:
        return None
    tables = resampled(sums[TABLE], facts.generator(_STREAM), resamples=resamples)
    values = metric.statistic({**sums, TABLE: tables}, facts)
    tail = (1 - LEVEL) / 2
    bounds: np.ndarray = np.quantile(values, [tail, 1 - tail], axis=0)
    return bounds


def resampled(table: np.ndarray, generator: np.random.Generator, *, resamples: int) -> np.ndarray:
    """Totals of `resamples` draws of sequences: [s, feature] to [resample, feature]."""
    n = len(table)
    out = np.empty((resamples, table.shape[1]))
    for i in range(resamples):
        drawn = np.bincount(generator.integers(0, n, size=n), minlength=n)
        out[i] = np.einsum("s,sf->f", drawn.astype(np.float64), table)
    return out
