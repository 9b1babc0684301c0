"""Every number anew, of groups of rows drawn with replacement: the bootstrap of any number.

Sums per latent cannot be kept of each cluster, so that what is drawn is groups of clusters; that
asks for no second pass either.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from xc.evaluate.bootstrap import FEWEST, tail
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.jackknife import LEVEL, around
from xc.evaluate.left_out import fixed
from xc.evaluate.repetition import Repetition
from xc.evaluate.scalars import scalars, stacked

REDRAWS = 200
"""Draws: as many as a standard error asks for (Efron and Tibshirani 1993, section 6.4). Intervals
between percentiles of them are 7 % wider or narrower with another seed."""
_STREAM = 11


@dataclass(frozen=True)
class Redrawn:
    """A number over groups drawn with replacement, again and again."""

    values: np.ndarray
    """float64 [draw], NaN where it is undefined."""
    groups: int
    """How many there are to draw from."""

    @property
    def known(self) -> np.ndarray:
        """Those that are defined; none if they are no more than half."""
        found = np.isfinite(self.values)
        return np.asarray(self.values[found & (2 * found.sum() > len(found))])


def draw_groups(n: int, facts: Facts) -> np.ndarray:
    """How often each of n groups counts in each draw, int64 [draw, group]; no draw of one alone."""
    draws = REDRAWS if n > 1 else 0
    drawn = facts.generator(_STREAM).multinomial(n, np.full(n, 1 / n), draws)
    return np.asarray(drawn, dtype=np.int64)


def facts_redrawn(
    plan: Repetition,
    groups: GroupSums,
    facts: Facts,
    draws: np.ndarray,
    *,
    coarsely: bool = False,
) -> Iterator[Facts]:
    """Facts of the rows of every draw.

    Args:
        plan: what is to be found again.
        groups: sums by group.
        facts: of all rows, for what does not depend on them.
        draws: of `draw_groups`.
        coarsely: whether it is the coarser groups that are drawn.
    """
    start = fixed(plan, facts)
    for sums in groups.redrawn([m.name for m in plan.again], draws, coarsely=coarsely):
        yield finish_all(plan.again, sums, start)


def numbers_redrawn(plan: Repetition, groups: GroupSums, facts: Facts) -> dict[str, Redrawn]:
    """The numbers of a plan, and counts by class, by key; those behind which are sums that are
    kept in coarser groups: of draws of these."""
    large = plan.large if groups.coarse else frozenset[str]()
    small = plan.of({m.name for m in plan.again} - large)
    draws = draw_groups(groups.n, facts)
    each = facts_redrawn(small, groups, facts, draws)
    found = {
        key: Redrawn(values, groups.n)
        for key, values in stacked(scalars(small.numbers, f) for f in each).items()
    }
    return {**(_coarsely(plan.of(large), groups, facts) if large else {}), **found}


def _coarsely(plan: Repetition, groups: GroupSums, facts: Facts) -> dict[str, Redrawn]:
    """Of few groups the same draws come again and again (of five there are 126), and what they take
    seconds to find is found once."""
    draws, place = np.unique(draw_groups(groups.coarse, facts), axis=0, return_inverse=True)
    each = facts_redrawn(plan, groups, facts, draws, coarsely=True)
    rows = stacked(scalars(plan.numbers, f) for f in each)
    return {key: Redrawn(values[place.ravel()], groups.coarse) for key, values in rows.items()}


def redrawn_at_most(plan: Repetition, groups: GroupSums) -> int:
    """How often groups are drawn by `numbers_redrawn`, at most."""
    return (REDRAWS if groups.n > 1 else 0) * (2 if plan.large and groups.coarse else 1)


def redrawn_interval(
    value: float, drawn: Redrawn, *, bounds: tuple[float, float], by_ends: bool = False
) -> np.ndarray | None:
    """95 % interval of a number by the bootstrap of groups.

    θ ± t·se, se the standard deviation of the draws times √(G/(G − 1)), since they vary by
    (G − 1)/G as much as they should; on the scale of the bounds, as the jackknife's. Around θ, and
    not between percentiles: a draw lacks a third of the groups, and what latents it lacks with them
    moves counts to a side, the whole number of draws past the value at times.

    Args:
        value: θ, over all rows.
        drawn: the same over draws.
        bounds: what it can be.
        by_ends: of quantiles and medians, whose draws lie on few places: percentiles of the draws,
            expanded for the number of groups (`bootstrap.tail`), and θ. Of fewer groups than
            `FEWEST` these too are θ ± t·se.

    Returns:
        float64 [2]: low and high, NaN where it is undefined, or in half of the draws; None with
        fewer than two groups.
    """
    n, known = drawn.groups, drawn.known
    if n < 2 or not len(drawn.values):
        return None
    if not len(known):
        return np.full(2, np.nan)
    if by_ends and n >= FEWEST:
        low, high = np.quantile(known, [tail(n), 1 - tail(n)])
        return np.array([np.minimum(low, value), np.maximum(high, value)])

    def half(others: np.ndarray) -> np.ndarray:
        t = stdtrit(n - 1, (1 + LEVEL) / 2)
        return np.asarray(t * np.sqrt(n / (n - 1)) * others.std(axis=0, ddof=1))

    return around(np.array(value), known, half, bounds=bounds)
