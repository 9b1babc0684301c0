"""Every number anew, without each group of rows in turn, or without some at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.group_sets import HALF, at_once, sets
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.jackknife import is_steady
from xc.evaluate.naming import names
from xc.evaluate.repetition import BEHIND_COUNTS, Repetition
from xc.evaluate.scalars import scalars, stacked


@dataclass(frozen=True)
class LeftOut:
    """A number over all rows but some, again and again."""

    values: np.ndarray
    """float64 [set], without the groups of each set."""
    at_once: int = 1
    """Groups in a set."""

    @property
    def is_steady(self) -> bool:
        """Whether it is the same up to rounding, and defined, whichever set is left out."""
        known = len(self.values) > 1 and bool(np.isfinite(self.values).all())
        return known and is_steady(self.values)

    def only(self, groups: np.ndarray) -> "LeftOut":
        """Without the groups where `groups` (bool [group]) is True alone."""
        return replace(self, values=self.values[groups])


NOTHING = LeftOut(np.zeros(0))
"""Of a single group."""


def facts_without_each(
    plan: Repetition, groups: GroupSums, facts: Facts, *, coarsely: bool = False
) -> Iterator[Facts]:
    """Facts of all rows but those of one group; nothing for a single group.

    Args:
        plan: what is to be found again.
        groups: sums by group.
        facts: of all rows, for what does not depend on them.
        coarsely: whether it is the coarser groups that are left out.
    """
    start = fixed(plan, facts)
    for sums in groups.without_each([m.name for m in plan.again], coarsely=coarsely):
        yield finish_all(plan.again, sums, start)


def facts_without_sets(
    plan: Repetition, groups: GroupSums, facts: Facts, k: int
) -> Iterator[Facts]:
    """Facts of all rows but those of one of `group_sets.sets` of k groups."""
    start, wanted = fixed(plan, facts), [m.name for m in plan.again]
    for sums in groups.without_sets(wanted, sets(groups.n, k)):
        yield finish_all(plan.again, sums, start)


def fixed(plan: Repetition, facts: Facts) -> Facts:
    """Facts with the values alone that no choice of rows changes."""
    kept = {name: value for name, value in facts.values.items() if name in plan.fixed}
    return replace(facts, values=kept)


def numbers_without_each(
    plan: Repetition, groups: GroupSums, facts: Facts
) -> dict[str, np.ndarray]:
    """The numbers of a plan without each group, and counts by class, by key: float64 [group].

    Those behind which are sums that are kept in coarser groups: without each of these.
    """
    large = plan.large if groups.coarse else frozenset[str]()
    small = plan.of({m.name for m in plan.again} - large)
    found = stacked(scalars(small.numbers, f) for f in facts_without_each(small, groups, facts))
    if large:
        rest = plan.of(large)
        each = facts_without_each(rest, groups, facts, coarsely=True)
        own = stacked(scalars(rest.numbers, f) for f in each)
        found |= {key: rows for key, rows in own.items() if key not in found}
    return found


def left_out(plan: Repetition, groups: GroupSums, facts: Facts) -> dict[str, LeftOut]:
    """The numbers of a plan, and counts by class, without groups of rows: by key.

    Numbers that move in steps without a quarter of the groups, all others without each. Those that
    are the same each time, as counts of few latents may be, without more of them: a quarter, then
    half.
    """
    stepped = {m.name for m in plan.numbers if m.stepped}
    others = {m.name for m in plan.numbers} - stepped | set(BEHIND_COUNTS)
    k = at_once(groups.n)
    found = _without_sets(plan.of(stepped), groups, facts, k)
    each = numbers_without_each(plan.of(others), groups, facts)
    found |= {key: LeftOut(rows) for key, rows in each.items()}
    for more in sorted({k, at_once(groups.n, HALF)} - {1}):
        found |= _unsteadied(plan, groups, facts, found, more)
    return found


def _without_sets(plan: Repetition, groups: GroupSums, facts: Facts, k: int) -> dict[str, LeftOut]:
    each = facts_without_sets(plan, groups, facts, k)
    found = stacked(scalars(plan.numbers, f) for f in each)
    return {key: LeftOut(rows, k) for key, rows in found.items()}


def _unsteadied(
    plan: Repetition, groups: GroupSums, facts: Facts, found: Mapping[str, LeftOut], k: int
) -> dict[str, LeftOut]:
    """Of these the steady ones, without k groups at once if they are without fewer.

    Not those of a part of the rows, which groups may lack, nor those behind which are large sums;
    quantiles have intervals of their own.
    """
    steady = {key for key, own in found.items() if own.at_once < k and own.is_steady}
    metrics = {key: m for m in plan.numbers for key in names(m, facts.decoder.n_sources)}
    wanted = set(BEHIND_COUNTS) if steady - metrics.keys() else set[str]()
    for metric in (metrics[key] for key in steady & metrics.keys()):
        by_shares = metric.percent is not None or metric.members is not None
        if not (by_shares or metric.suffix or metric.name in plan.large):
            wanted.add(metric.name)
    more = _without_sets(plan.of(wanted), groups, facts, k) if wanted else {}
    return {key: own for key, own in more.items() if key in steady}


def left_out_at_most(plan: Repetition, groups: GroupSums) -> int:
    """How often something is left out by `left_out`, at most."""
    n = groups.n
    rounds = 2 + len({at_once(n), at_once(n, HALF)} - {1})
    return (rounds * n if n > 1 else 0) + (groups.coarse if plan.large else 0)
