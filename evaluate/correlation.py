"""Pearson's and Spearman's correlation coefficients."""

from collections.abc import Callable

import numpy as np

Correlation = Callable[[np.ndarray, np.ndarray], float]

_EVEN = 1e-15
"""A spread below this share of the size is rounding."""


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Of two columns [n]; NaN where one does not vary."""
    if len(x) < 2:
        return float("nan")
    a, b = _unit(x), _unit(y)
    return float(np.clip(a @ b, -1.0, 1.0))


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's coefficient of the ranks, equal values sharing the mean of theirs."""
    from scipy.stats import rankdata  # noqa: PLC0415  (slow, and most commands correlate nothing)

    return pearson(rankdata(x), rankdata(y))


def _unit(x: np.ndarray) -> np.ndarray:
    """Centred, of length 1; NaN where it does not vary."""
    largest = np.abs(x).max() or 1.0
    centred = x / largest - (x / largest).mean()
    length = np.linalg.norm(centred)
    even = length <= _EVEN * np.sqrt(len(x))
    return np.full(len(x), np.nan) if even else np.asarray(centred / length)


CORRELATIONS: dict[str, Correlation] = {"spearman": spearman, "pearson": pearson}
