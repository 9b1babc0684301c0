"""Twins without each group of rows: who is exclusive then, and intervals of their numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.group_sets import HALF, at_once, sets
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.intervals import COUNT_BOUNDS, STEADY, TOO_FEW, UNDEFINED, Intervals
from xc.evaluate.jackknife import is_steady, jackknife
from xc.evaluate.left_out import facts_without_each, facts_without_sets
from xc.evaluate.metric import Metric
from xc.evaluate.repetition import repetition

Values = Mapping[str, float | int | None]
"""Numbers by key of summary.json."""

_SHARES = (0.0, 1.0)


@dataclass(frozen=True)
class Choice:
    """Rows that twins are matched over: all but those of some groups."""

    without: frozenset[int]
    """Numbers of these groups."""
    classes: np.ndarray
    """Labels [latent, pair] over the others."""


def choices_without(metrics: Sequence[Metric], groups: GroupSums, facts: Facts) -> list[Choice]:
    """Without each group, then without half of them where there are enough; nothing for a single
    group, or if `class` is not measured."""
    plan = repetition(metrics).of({"class"})
    if "class" not in {m.name for m in plan.again}:
        return []
    left_out = [frozenset({group}) for group in range(groups.n)]
    found = list(facts_without_each(plan, groups, facts))
    if (k := at_once(groups.n, HALF)) > 1:
        left_out += sets(groups.n, k)
        found += facts_without_sets(plan, groups, facts, k)
    return [Choice(own, f.values["class"]) for own, f in zip(left_out, found, strict=False)]


def left_out_intervals(values: Values, without: Sequence[tuple[int, Values]]) -> Intervals:
    """Those of numbers of twins: the delete-a-group jackknife.

    Medians follow a single pair where few rows are left out, and move in steps: their standard
    error would be too large by (rows left over rows left out)^¼, for many pairs as for few. Theirs
    is that of half of the groups at once, where there are some.

    Args:
        values: over all rows.
        without: over all rows but those of some groups, behind how many these are.
    """
    ends: dict[str, list[float] | None] = {}
    reasons: dict[str, str] = {}
    most = max((k for k, _ in without), default=1)
    for key, value in values.items():
        counted = key.startswith("n_")
        k, bounds = (1, COUNT_BOUNDS) if counted else (most, _SHARES)
        left_out = np.array([_number(own[key]) for n, own in without if n == k])
        found = _ends(_number(value), left_out, bounds, k)
        ends[f"{key}_ci"] = None if isinstance(found, str) else found
        if isinstance(found, str):
            reasons[f"{key}_ci"] = found
    return Intervals(ends, reasons)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _ends(
    value: float, left_out: np.ndarray, bounds: tuple[float, float], k: int
) -> list[float] | str:
    """Low and high, or why there are none."""
    both = jackknife(np.array(value), left_out, bounds=bounds, at_once=k)
    if both is None:
        return TOO_FEW
    if not np.isfinite(both).all():
        return UNDEFINED
    if is_steady(left_out):
        return STEADY
    return [float(end) for end in both]
