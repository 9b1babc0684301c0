"""Twins of other choices of rows: who is exclusive then, and intervals of their numbers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.group_sets import HALF, at_once, sets
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.intervals import COUNT_BOUNDS, STEADY, TOO_FEW, Found, Intervals, told
from xc.evaluate.jackknife import is_steady, jackknife
from xc.evaluate.left_out import facts_without_each, facts_without_sets
from xc.evaluate.metric import Metric
from xc.evaluate.redrawn_intervals import SELDOM
from xc.evaluate.redraws import Redrawn, draw_groups, facts_redrawn, redrawn_interval
from xc.evaluate.repetition import repetition

Values = Mapping[str, float | int | None]
"""Numbers by key of summary.json."""

_SHARES = (0.0, 1.0)


@dataclass(frozen=True)
class Choice:
    """Rows that twins are matched over."""

    times: np.ndarray
    """How often each group counts, int64 [group]: 0, it is left out."""
    labels: np.ndarray
    """Classes over these, bytes [latent, pair]: a quarter of what they take as text, of hundreds of
    choices."""

    @classmethod
    def of(cls, times: np.ndarray, classes: np.ndarray) -> "Choice":
        """From the labels of `class`."""
        return cls(times, classes.astype(np.bytes_))

    @classmethod
    def without(cls, left_out: Collection[int], n: int, classes: np.ndarray) -> "Choice":
        """All but some of n groups."""
        times = np.array([group not in left_out for group in range(n)], np.int64)
        return cls.of(times, classes)

    @property
    def classes(self) -> np.ndarray:
        """Labels [latent, pair], as `class` has them."""
        return self.labels.astype(np.str_)

    @property
    def n_without(self) -> int:
        """How many groups are not among them."""
        return int(np.count_nonzero(self.times == 0))


Ends = Callable[[Values, Sequence[tuple[Choice, Values]]], Intervals]
"""What the numbers of twins over all rows, and of other choices, tell of intervals."""


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
    own = zip(left_out, found, strict=False)
    return [Choice.without(which, groups.n, f.values["class"]) for which, f in own]


def choices_redrawn(metrics: Sequence[Metric], groups: GroupSums, facts: Facts) -> list[Choice]:
    """Of groups drawn with replacement; nothing for a single group, or without `class`."""
    plan = repetition(metrics).of({"class"})
    if "class" not in {m.name for m in plan.again}:
        return []
    draws = draw_groups(groups.n, facts)
    found = facts_redrawn(plan, groups, facts, draws)
    return [Choice.of(own, f.values["class"]) for own, f in zip(draws, found, strict=True)]


def left_out_intervals(values: Values, others: Sequence[tuple[Choice, Values]]) -> Intervals:
    """Those of numbers of twins: the delete-a-group jackknife.

    Medians follow a single pair where few rows are left out, and move in steps: their standard
    error would be too large by (rows left over rows left out)^¼, for many pairs as for few. Theirs
    is that of half of the groups at once, where there are some.

    Args:
        values: over all rows.
        others: without each group, and without some.
    """
    most = max((choice.n_without for choice, _ in others), default=1)
    found: dict[str, Found] = {}
    for key, value in values.items():
        k = 1 if _counted(key) else most
        left_out = np.array([_number(own[key]) for c, own in others if c.n_without == k])
        both = jackknife(np.array(_number(value)), left_out, bounds=_bounds(key), at_once=k)
        known = both is not None and bool(np.isfinite(both).all())
        found[key] = (None, STEADY) if known and is_steady(left_out) else (both, TOO_FEW)
    return told(found)


def redrawn_twin_intervals(values: Values, others: Sequence[tuple[Choice, Values]]) -> Intervals:
    """The same by the bootstrap of groups: medians between percentiles, counts by their error.

    Args:
        values: over all rows.
        others: of groups drawn with replacement.
    """
    n = len(others[0][0].times) if others else 1
    found: dict[str, Found] = {}
    for key, value in values.items():
        drawn = Redrawn(np.array([_number(own[key]) for _, own in others]), n)
        both = redrawn_interval(
            _number(value), drawn, bounds=_bounds(key), by_ends=not _counted(key)
        )
        steady = len(drawn.known) > 0 and is_steady(drawn.known)
        found[key] = (None, STEADY) if steady else (both, TOO_FEW)
    return told(found, undefined=SELDOM)


def _counted(key: str) -> bool:
    return key.startswith("n_")


def _bounds(key: str) -> tuple[float, float]:
    return COUNT_BOUNDS if _counted(key) else _SHARES


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
