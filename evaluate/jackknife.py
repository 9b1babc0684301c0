"""Intervals by leaving out groups of rows: for values that are no plain means."""

from collections.abc import Callable

import numpy as np
from scipy.special import stdtrit

from xc.evaluate.group_sets import freedom
from xc.evaluate.scales import scale

HalfWidth = Callable[[np.ndarray], np.ndarray]

LEVEL = 0.95
NEARER = 10.0
"""How many times nearer to an end of its range than the rest a value may be on a scale: from there
on an interval would tell of the scale, which is steep there, more than of the value."""
ROUNDING = 1e-12
"""Relative differences below this are rounding."""


def jackknife(
    value: np.ndarray, left_out: np.ndarray, *, bounds: tuple[float, float], at_once: int = 1
) -> np.ndarray | None:
    """95 % interval of a value by the delete-a-group jackknife, one or several groups at once.

    se² = (G − k)/(k·G) · Σ_s (θ_s − θ̄)², θ_s the value without the k groups of set s, one of G
    sets; the interval is θ ± t·se, t of Student's distribution. One group at a time: Kott 2001,
    Busing, Meijer and van der Leeden 1999 for groups of equal size. Several: Shao and Wu 1989, for
    values that move in steps. How many latents are past a threshold is one: without a small group
    few cross it, but each counts whole, and the variance comes out √(G − 1) times too large for any
    number of rows; √((G − k)/k) times with k.

    All of it is done on the scale of the bounds (`scales`), and taken back from there (Cressie
    1981; Hinkley 1978 for coefficients of correlation): near an end a value is lopsided, and its
    error depends on it. Where θ or a θ_s is at an end, or `NEARER` to it, it is done without.

    Args:
        value: θ, over all rows; any shape.
        left_out: [set, …], the same without the groups of each of `group_sets.sets`.
        bounds: what the value can be.
        at_once: k.

    Returns:
        float64 [2, …]: low and high, NaN where a value is undefined; None with fewer than two
        groups.
    """
    if len(left_out) < 2:
        return None

    def half(others: np.ndarray) -> np.ndarray:
        t = stdtrit(_freedom(others, at_once), (1 + LEVEL) / 2)
        return np.asarray(t * standard_error(others, at_once))

    return around(value, left_out, half, bounds=bounds)


def around(
    value: np.ndarray, others: np.ndarray, half: HalfWidth, *, bounds: tuple[float, float]
) -> np.ndarray:
    """A value and as much to either side as its others say, on the scale of its bounds; without the
    scale where one of them is at an end, or `NEARER` to it.

    Args:
        value: any shape.
        others: [set, …], what it is over other rows.
        half: of the others, scaled or not, half of the width there.
        bounds: what the value can be.

    Returns:
        float64 [2, …]: low and high, NaN where a value is undefined.
    """
    own = scale(bounds)
    distance = own.distance(np.concatenate([np.asarray(value)[None], others]))
    nearest, farthest = distance.min(axis=0), distance.max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle, side = own.there(value), half(own.there(others))
        scaled = own.back(np.stack([middle - side, middle + side]))
    side = half(others)
    plain = np.clip(np.stack([value - side, value + side]), *bounds)
    low, high = np.where((nearest > 0) & (nearest * NEARER >= farthest), scaled, plain)
    return np.stack([np.minimum(low, value), np.maximum(high, value)])  # the way back rounds


def is_steady(values: np.ndarray) -> bool:
    """Whether numbers [set] are all the same, up to rounding."""
    return bool(np.ptp(values) <= ROUNDING * np.abs(values).max())


def standard_error(left_out: np.ndarray, at_once: int = 1) -> np.ndarray:
    """se, of what is left out, [set, …], in sets of so many groups."""
    n = len(left_out)
    spread = np.square(left_out - left_out.mean(axis=0)).sum(axis=0)
    return np.asarray(np.sqrt((n - at_once) / (at_once * n) * spread))


def _freedom(left_out: np.ndarray, k: int) -> np.ndarray:
    """Degrees of freedom of se²: `group_sets.freedom`, or fewer if few groups make up most of it.

    2·mean²/variance (Satterthwaite 1946), and the variance of a variance of n numbers is
    σ⁴·(2/(n − 1) + κ/n), κ their excess kurtosis. Of sets of several groups κ is taken as that
    of normal numbers, 0: they hide which group it is.
    """
    n, most = len(left_out), freedom(len(left_out), k)
    if k > 1:
        return np.full(left_out.shape[1:], most)
    squares = np.square(left_out - left_out.mean(axis=0))
    normal = 3 * np.square(squares.mean(axis=0))
    fourth = np.square(squares).mean(axis=0)
    ratio = np.divide(fourth, normal, out=np.ones_like(normal), where=normal > 0)
    return np.asarray(1 / (1 / most + 3 * np.maximum(ratio - 1, 0) / (2 * n)))
