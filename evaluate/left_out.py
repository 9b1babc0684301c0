"""Every number anew, without each group of rows in turn."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.repetition import Repetition
from xc.evaluate.scalars import scalars, stacked


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
    kept = {name: value for name, value in facts.values.items() if name in plan.fixed}
    start = replace(facts, values=kept)
    for sums in groups.without_each([m.name for m in plan.again], coarsely=coarsely):
        yield finish_all(plan.again, sums, start)


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
