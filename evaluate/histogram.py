"""A histogram of small whole numbers: mergeable in any order, quantiles without rounding."""

import numpy as np

from xc.evaluate.metric import Sums

COUNTS = "counts"


def histogram(values: np.ndarray) -> dict[str, np.ndarray]:
    """How often each whole number ≥ 0 occurs: `counts` int64 [largest + 1]."""
    return {COUNTS: np.bincount(values).astype(np.int64)}


def merge_histograms(left: Sums, right: Sums) -> dict[str, np.ndarray]:
    """Both together; the shorter one is filled up with zeros."""
    short, long = sorted((left[COUNTS], right[COUNTS]), key=len)
    whole = long.copy()
    whole[: len(short)] += short
    return {COUNTS: whole}


def quantile(counts: np.ndarray, percent: int) -> float:
    """Smallest number that at least `percent` % of all do not exceed; NaN where there is none.

    In whole numbers, so that no rounding decides on which side of a step it falls.
    """
    total = counts.sum()
    if total == 0:
        return float("nan")
    return float(np.searchsorted(100 * np.cumsum(counts), percent * total))


def shares_up_to(counts: np.ndarray, n: int) -> np.ndarray:
    """Shares of all that do not exceed 0, 1, …, n − 1, float64 [n]; NaN where there is none."""
    total, every = counts.sum(), np.zeros(n)
    every[: len(counts)] = counts
    return np.cumsum(every) / total if total else np.full(n, np.nan)
