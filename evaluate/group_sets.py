"""Sets of groups of rows that are left out together."""

from functools import cache

import numpy as np

SHARE = 4
"""One group in so many is left out at once."""
HALF = 2
"""One in so many for medians: half of the rows lack as much of the whole as it lacks of all rows
there could be, so that a median moves between as many neighbours (half-samples, McCarthy 1969)."""
ENOUGH = 16
"""Groups from which several are left out at once; of fewer the sets overlap too much."""


def at_once(n: int, share: int = SHARE) -> int:
    """How many of n groups are left out together for numbers that move in steps."""
    return n // share if n >= ENOUGH else 1


def sets(n: int, k: int) -> list[frozenset[int]]:
    """n sets of k of n groups: a group is in k of them, any two groups together in about as many.

    Nothing for a single group.
    """
    shifts = range(n if n > 1 else 0)
    return [frozenset(((first(n, k) + shift) % n).tolist()) for shift in shifts]


@cache
def first(n: int, k: int) -> np.ndarray:
    """The set that all others are shifts of, modulo n, int64 [k]: number by number the one by which
    differences repeat least (0, 1, 3, 7, 12 for k = 5 and n = 20)."""
    chosen, met = np.zeros(1, np.int64), np.zeros(n)
    for _ in range(k - 1):
        apart = (np.arange(n)[:, None] - chosen) % n
        cost = met[apart].sum(axis=1)
        cost[chosen] = np.inf
        new = apart[np.argmin(cost)]
        met += np.bincount(new, minlength=n) + np.bincount(-new % n, minlength=n)
        chosen = np.append(chosen, np.argmin(cost))
    return chosen


@cache
def freedom(n: int, k: int) -> float:
    """Degrees of freedom of a variance over the sets (Satterthwaite 1946): n − 1 for k = 1.

    Of a mean that variance is a weighted sum of n − 1 squares, the weights being the power spectrum
    of the set.
    """
    member = np.bincount(first(n, k), minlength=n)
    weights = np.square(np.abs(np.fft.fft(member)[1:]))
    return float(np.square(weights.sum()) / np.square(weights).sum())
