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


def share_up_to(counts: np.ndarray, number: float) -> float:
    """Share of all that do not exceed a whole number; NaN where there is none."""
    total = counts.sum()
    return float(counts[: int(number) + 1].sum() / total) if total else float("nan")


def at_share(counts: np.ndarray, share: float) -> float:
    """Smallest number there is that a share of all does not exceed, for any share, from 0 to 1."""
    rank = min(max(share * counts.sum(), 1.0), float(counts.sum()))
    return float(np.searchsorted(np.cumsum(counts), rank))
