"""Intervals of how many latents fire on less than a share of the rows.

Such a count moves in steps, like others over latents, and by more than others with the number of
rows: of those near the bound most have fired once or twice.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from xc.evaluate.group_sets import HALF, SHARE, at_once, freedom, sets
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.jackknife import LEVEL

NEAR = 2.0
"""Latents between the bound over this and the bound times this are those that may cross it."""
LONGEST = 3.0
"""How many times as long as the others on average a group may be: a line through points of which
one lies far off goes through that one, and takes away what it tells."""
_ENOUGH = 2
"""Degrees of freedom beyond which one can go."""


@dataclass(frozen=True)
class Firings:
    """How often latents fire in each group of rows that has any."""

    fired: np.ndarray
    """float64 [group, latent]"""
    rows: np.ndarray
    """float64 [group], more than 0."""

    @classmethod
    def of(cls, groups: GroupSums, name: str) -> "Firings":
        """From the sums of `frequency`, or of that over a part of the rows, which groups may lack.

        Args:
            groups: sums by group.
            name: of the metric.
        """
        each = [sums for sums in groups.each(name) if sums["rows"][0] > 0]
        fired, rows = ([sums[key] for sums in each] for key in ("fired", "rows"))
        return cls(np.array(fired), np.array(rows).reshape(-1))

    @property
    def n(self) -> int:
        """Number of groups."""
        return len(self.rows)


def rarity_interval(share: float, firings: Firings) -> np.ndarray | None:
    """95 % interval of the number of latents that fire on less than a share of the rows.

    The delete-a-group jackknife with several groups left out at once (`jackknife.jackknife`), with
    two differences. Groups are of unequal size; what is counted is latents that fire less often
    than the bound that is meant over all rows, in proportion to the groups that are left, so that a
    whole number of firings is the same bound each time, and of the numbers found what follows from
    the rows that are left (a straight line through them) is taken away: the interval is about so
    many rows, and one degree of freedom goes. (Not where one group is longer than `LONGEST`: then
    the interval is too wide rather than too narrow.) And half of the groups are left out unless
    latents near the bound come from about one group each: leaving out half cannot tell how many
    have not been met, which is what moves the count then; a quarter can, of latents whose rates are
    spread evenly on a logarithmic scale (0.98 of the true standard error; half 0.76, and 0.92 to 1
    of those that come from two groups or more, for which a quarter is up to 1.3).

    Args:
        share: the bound.
        firings: of two groups or more.

    Returns:
        float64 [2]: low and high, NaN where there are so few rows that one is more than the share;
        None if leaving out rows changes nothing.
    """
    fired, rows, n = firings.fired.sum(axis=0), float(firings.rows.sum()), firings.n
    if rows * share < 1:
        return np.full(2, np.nan)
    bound = least_firings(rows, share)
    near = (fired > 0) & (fired >= bound / NEAR) & (fired <= bound * NEAR)
    k = at_once(n, HALF if _spread(firings.fired[:, near]) >= 2 else SHARE)
    kept = 1 - k / n
    below = np.ceil((bound - 0.5) * kept)
    left = [np.isin(np.arange(n), list(own), invert=True) for own in sets(n, k)]
    found = np.array([np.count_nonzero(firings.fired[own].sum(axis=0) < below) for own in left])
    if (found == found[0]).all():
        return None
    apart, free = found - found.mean(), freedom(n, k)
    if free > _ENOUGH and firings.rows.max() <= LONGEST * rows / n:
        apart = _off_line(apart, np.array([firings.rows[own].sum() for own in left]))
        apart, free = apart * np.sqrt(free / (free - 1)), free - 1
    half = stdtrit(free, (1 + LEVEL) / 2) * np.sqrt(kept / k * np.square(apart).sum())
    value = np.count_nonzero(fired < bound)
    return np.array([max(value - half, 0.0), min(value + half, len(fired))])


def least_firings(rows: float, share: float) -> int:
    """Fewest rows that are no less than a share of all."""
    whole = np.arange(max(int(rows * share) - 1, 0), int(rows * share) + 3)
    return int(whole[np.argmax(whole / rows >= share)])


def _spread(near: np.ndarray) -> float:
    """From how many groups latents near the bound come, on average: (Σ n)²/Σ n² of each; 0 if there
    are none. `near`: their firings, [group, latent]."""
    whole, squares = near.sum(axis=0), np.square(near).sum(axis=0)
    return float(np.mean(np.square(whole) / squares)) if near.shape[1] else 0.0


def _off_line(apart: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Deviations from their straight line on the deviations of the number of rows."""
    more = rows - rows.mean()
    slope = more @ apart / (more @ more) if more.any() else 0.0
    return np.asarray(apart - slope * more)
