"""Intervals by leaving out one group of rows at a time: for values that are no plain means."""

import numpy as np
from scipy.special import stdtrit

LEVEL = 0.95


def jackknife(
    value: np.ndarray, left_out: np.ndarray, *, bounds: tuple[float, float]
) -> np.ndarray | None:
    """95 % interval of a value by the delete-a-group jackknife.

    se² = (G − 1)/G · Σ_g (θ_g − θ̄)², θ_g the value without group g; the interval is θ ± t·se, t of
    Student's distribution with G − 1 degrees of freedom, cut at the metric's bounds (Kott 2001,
    Busing, Meijer and van der Leeden 1999 for groups of equal size).

    Args:
        value: θ, over all rows; any shape.
        left_out: [group, …], the same without each group.
        bounds: what the value can be.

    Returns:
        float64 [2, …]: low and high, NaN where a value is undefined; None with fewer than two
        groups.
    """
    n = len(left_out)
    if n < 2:
        return None
    spread = np.square(left_out - left_out.mean(axis=0)).sum(axis=0)
    half = stdtrit(n - 1, (1 + LEVEL) / 2) * np.sqrt((n - 1) / n * spread)
    both: np.ndarray = np.clip(np.stack([value - half, value + half]), *bounds)
    return both
