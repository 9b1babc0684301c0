"""95 % intervals by hand: a value without groups of rows, on the scale that its range asks for."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import kurtosis, t

SHARE, COUNT, AT_MOST_ONE, COEFFICIENT, PLAIN = (
    "share",
    "count",
    "at most 1",
    "coefficient",
    "plain",
)

_THERE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    SHARE: lambda x: np.arccos(1 - 2 * x) / 2,
    COUNT: np.sqrt,
    AT_MOST_ONE: lambda x: -np.sqrt(1 - x),
    COEFFICIENT: lambda r: np.log((1 + r) / (1 - r)) / 2,
    PLAIN: np.asarray,
}
_BACK: dict[str, Callable[[float], float]] = {
    SHARE: lambda y: float((1 - np.cos(2 * min(max(y, 0.0), np.pi / 2))) / 2),
    COUNT: lambda y: max(y, 0.0) ** 2,
    AT_MOST_ONE: lambda y: 1 - min(y, 0.0) ** 2,
    COEFFICIENT: lambda y: float(1 - 2 / (np.exp(2 * y) + 1)),
    PLAIN: float,
}


_ENDS = {
    SHARE: (0.0, 1.0),
    COUNT: (0.0, np.inf),
    AT_MOST_ONE: (-np.inf, 1.0),
    COEFFICIENT: (-1.0, 1.0),
    PLAIN: (-np.inf, np.inf),
}


def interval(
    value: float, left_out: Sequence[float], scale: str, *, k: int = 1, freedom: float | None = None
) -> list[float]:
    """Low and high; on no scale where one of the values is ten times nearer to an end.

    Args:
        value: over all rows.
        left_out: without each set of groups, as many sets as groups.
        scale: one of the scales above.
        k: groups in a set.
        freedom: degrees of freedom; by default those of one group at a time.
    """
    low, high = _ENDS[scale]
    near = [min(x - low, high - x) for x in (value, *left_out)]
    if scale != SHARE and (min(near) <= 0 or max(near) > 10 * min(near)):
        plain = interval(value, left_out, PLAIN, k=k, freedom=freedom)
        return [max(plain[0], low), min(plain[1], high)]
    n, there = len(left_out), _THERE[scale](np.array(left_out, dtype=np.float64))
    if freedom is None:
        unequal = max(float(kurtosis(there)), 0.0) if np.ptp(there) else 0.0
        freedom = 2 / (2 / (n - 1) + unequal / n)
    half = t.ppf(0.975, freedom) * np.sqrt((n - k) / k * there.var())
    middle = float(_THERE[scale](np.array(value)))
    return [_BACK[scale](middle - half), _BACK[scale](middle + half)]
