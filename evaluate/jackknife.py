"""Intervals by leaving out groups of rows: for values that are no plain means."""

import numpy as np
from scipy.special import stdtrit

from xc.evaluate.group_sets import freedom

LEVEL = 0.95


def jackknife(
    value: np.ndarray, left_out: np.ndarray, *, bounds: tuple[float, float], at_once: int = 1
) -> np.ndarray | None:
    """95 % interval of a value by the delete-a-group jackknife, one or several groups at once.

    se² = (G − k)/(k·G) · Σ_s (θ_s − θ̄)², θ_s the value without the k groups of set s, one of G
    sets; the interval is θ ± t·se, t of Student's distribution with `freedom` degrees of freedom
    (G − 1 for k = 1), cut at the metric's bounds. One group at a time: Kott 2001, Busing, Meijer
    and van der Leeden 1999 for groups of equal size. Several: Shao and Wu 1989, for values that
    move in steps. How many latents are past a threshold is one: without a small group few cross it,
    but each counts whole, and the variance comes out √(G − 1) times too large for any number of
    rows; √((G − k)/k) times with k.

    Args:
        value: θ, over all rows; any shape.
        left_out: [set, …], the same without the groups of each of `group_sets.sets`.
        bounds: what the value can be.
        at_once: k.

    Returns:
        float64 [2, …]: low and high, NaN where a value is undefined; None with fewer than two
        groups.
    """
    n = len(left_out)
    if n < 2:
        return None
    spread = np.square(left_out - left_out.mean(axis=0)).sum(axis=0)
    quantile = stdtrit(freedom(n, at_once), (1 + LEVEL) / 2)
    half = quantile * np.sqrt((n - at_once) / (at_once * n) * spread)
    both: np.ndarray = np.clip(np.stack([value - half, value + half]), *bounds)
    return both
