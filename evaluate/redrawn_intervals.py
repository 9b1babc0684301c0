"""`<key>_ci` by the bootstrap of groups, of every number that is no mean over rows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.intervals import (
    COUNT_BOUNDS,
    STEADY,
    TOO_FEW,
    Found,
    Intervals,
    told,
)
from xc.evaluate.jackknife import is_steady
from xc.evaluate.metric import Metric
from xc.evaluate.naming import names
from xc.evaluate.redraws import Redrawn, numbers_redrawn, redrawn_interval
from xc.evaluate.repetition import FOLLOWS, repetition
from xc.evaluate.scalars import scalars

SELDOM = "an interval needs a value that is defined in most draws of groups of rows"


def redrawn_intervals(metrics: Sequence[Metric], groups: GroupSums, facts: Facts) -> Intervals:
    """Those of all other numbers: everything is finished anew with groups of rows redrawn.

    Args:
        metrics: all that are measured.
        groups: sums by group.
        facts: of all rows.
    """
    n, plan = facts.decoder.n_sources, repetition(metrics)
    metric_of = {key: m for m in plan.numbers for key in names(m, n)}
    drawn = numbers_redrawn(plan, groups, facts)
    found: dict[str, Found] = {}
    for key, value in scalars(plan.numbers, facts).items():
        metric = metric_of.get(key)
        own = drawn.get(key, Redrawn(np.zeros(0), 1))
        if metric is not None and metric.suffix and groups.n > 1:
            # Of one role, say, which a group may lack.
            own = replace(own, groups=int(groups.present(metric.name, *metric.needs).sum()))
        if own.groups > 1 and len(own.known) and is_steady(own.known):
            follows = metric is not None and metric.name in plan.counting
            found[key] = None, FOLLOWS if follows else STEADY
        else:
            found[key] = _ends(value, own, metric, facts), TOO_FEW
    found |= {key: (None, why) for m, why in plan.without.items() for key in names(m, n)}
    return told(found, undefined=SELDOM)


def _ends(value: float, own: Redrawn, metric: Metric | None, facts: Facts) -> np.ndarray | None:
    if metric is None:
        both = redrawn_interval(value, own, bounds=COUNT_BOUNDS)
    else:
        by_ends = metric.percent is not None or metric.members is not None
        both = redrawn_interval(value, own, bounds=metric.bounds, by_ends=by_ends)
    counted = metric is None or metric.output.startswith("n_")
    return np.minimum(both, facts.decoder.d_sae) if counted and both is not None else both
