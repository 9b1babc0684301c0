"""Twins without each group of rows: who is exclusive then, and intervals of their numbers."""

from collections.abc import Mapping, Sequence

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.intervals import COUNT_BOUNDS, STEADY, TOO_FEW, UNDEFINED, Intervals
from xc.evaluate.jackknife import jackknife
from xc.evaluate.left_out import facts_without_each
from xc.evaluate.metric import Metric
from xc.evaluate.repetition import repetition

Values = Mapping[str, float | int | None]
"""Numbers by key of summary.json."""

_SHARES = (0.0, 1.0)


def classes_without_each(
    metrics: Sequence[Metric], groups: GroupSums, facts: Facts
) -> list[np.ndarray]:
    """Labels [latent, pair] without each group of rows; nothing for a single group, or if `class`
    is not measured."""
    plan = repetition(metrics).of({"class"})
    if "class" not in {m.name for m in plan.again}:
        return []
    return [left.values["class"] for left in facts_without_each(plan, groups, facts)]


def left_out_intervals(values: Values, without: Sequence[Values]) -> Intervals:
    """Those of numbers of twins: the delete-a-group jackknife.

    Args:
        values: over all rows.
        without: over all rows but those of each group.
    """
    ends: dict[str, list[float] | None] = {}
    reasons: dict[str, str] = {}
    for key, value in values.items():
        bounds = COUNT_BOUNDS if key.startswith("n_") else _SHARES
        found = _ends(_number(value), np.array([_number(own[key]) for own in without]), bounds)
        ends[f"{key}_ci"] = None if isinstance(found, str) else found
        if isinstance(found, str):
            reasons[f"{key}_ci"] = found
    return Intervals(ends, reasons)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _ends(value: float, left_out: np.ndarray, bounds: tuple[float, float]) -> list[float] | str:
    """Low and high, or why there are none."""
    both = jackknife(np.array(value), left_out, bounds=bounds)
    if both is None:
        return TOO_FEW
    if not np.isfinite(both).all():
        return UNDEFINED
    if (left_out == left_out[0]).all():
        return STEADY
    return [float(end) for end in both]
