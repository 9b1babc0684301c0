"""`<key>_ci` of every number: which way its interval is taken, and why it has none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xc.evaluate.bootstrap import interval
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.jackknife import jackknife
from xc.evaluate.metric import Metric, Pass, Sums
from xc.evaluate.naming import named_values, names
from xc.evaluate.scalars import scalars, stacked

TOO_FEW = "an interval needs at least two clusters of held-out rows"
UNDEFINED = "an interval needs a value that is defined, whichever group of rows is left out"
FIXED = "it does not depend on the held-out rows"
COSTLY = "it is too costly to be found again without each group of rows"
COUNT_BOUNDS = (0.0, float("inf"))
BEHIND_COUNTS = ("class", "frequency")
"""Metrics that counts by class are taken from."""

Ends = list[float] | None


@dataclass(frozen=True)
class Intervals:
    """Intervals by key of summary.json."""

    ends: Mapping[str, Ends]
    """Low and high by `<key>_ci`, or None."""
    reasons: Mapping[str, str]
    """Why, where it is None."""

    def __or__(self, other: "Intervals") -> "Intervals":
        return Intervals({**self.ends, **other.ends}, {**self.reasons, **other.reasons})

    def of(self, *keys: str) -> dict[str, Ends]:
        """Ends by `<key>_ci`; nothing where none were asked for."""
        names = (f"{key}_ci" for key in keys)
        return {name: self.ends[name] for name in names if name in self.ends}


NO_INTERVALS = Intervals({}, {})
"""Where none are asked for."""


def bootstrap_intervals(
    metrics: Sequence[Metric],
    sums: Mapping[str, Sums],
    facts: Facts,
    *,
    resamples: int,
    clusters: np.ndarray,
) -> Intervals:
    """Those of metrics with per-sequence sums; none if there are to be no resamples."""
    found: dict[str, Any] = {}
    for metric in metrics if resamples else ():
        if metric.statistic is not None:
            own = sums[metric.name]
            both = interval(metric, own, facts, resamples=resamples, clusters=clusters)
            found |= dict(_named(metric, both, facts))
    return _told(found, dict.fromkeys(found, TOO_FEW))


def _named(metric: Metric, both: np.ndarray | None, facts: Facts) -> Iterator[tuple[str, Any]]:
    n = facts.decoder.n_sources
    if both is None:
        yield from dict.fromkeys(names(metric, n)).items()
    else:
        low, high = (named_values(metric, side, n) for side in both)
        yield from ((key, np.array([low[key], high[key]])) for key in low)


def jackknife_intervals(metrics: Sequence[Metric], groups: GroupSums, facts: Facts) -> Intervals:
    """Those of all other numbers: everything is finished anew without each group of rows."""
    n = facts.decoder.n_sources
    plan = _Plan.of(metrics, widest=max(facts.decoder.widths))
    left_out = stacked(scalars(plan.scalars, f) for f in _facts_without_each(plan, groups, facts))
    whole = scalars(plan.scalars, facts)
    found: dict[str, np.ndarray | None] = {}
    bounds = {key: m.bounds for m in plan.scalars for key in names(m, n)}
    there = {
        key: groups.present(m.name)
        for m in plan.scalars
        if m.suffix  # over a part of the rows, which may lack in a group
        for key in names(m, n)
    }
    for key, value in whole.items():
        rows = left_out.get(key, np.zeros(0))
        rows = rows[there[key]] if key in there and len(rows) else rows
        found[key] = jackknife(np.array(value), rows, bounds=bounds.get(key, COUNT_BOUNDS))
    why = dict.fromkeys(found, TOO_FEW)
    for metric in plan.without:
        keys = dict.fromkeys(names(metric, n))
        found |= keys
        why |= dict.fromkeys(keys, FIXED if metric.name in plan.fixed else COSTLY)
    return _told(found, why)


@dataclass(frozen=True)
class _Plan:
    """What has to be finished again without a group of rows."""

    again: tuple[Metric, ...]
    """In the order of the table."""
    scalars: tuple[Metric, ...]
    """Those of them that are numbers to have an interval."""
    without: tuple[Metric, ...]
    """Numbers that cannot have one."""
    fixed: frozenset[str]
    """Names of metrics that do not depend on the rows."""

    @classmethod
    def of(cls, metrics: Sequence[Metric], *, widest: int) -> "_Plan":
        fixed, costly = set[str](), set[str]()
        for metric in metrics:
            if metric.reads is Pass.NONE and set(metric.needs) <= fixed:
                fixed.add(metric.name)
            if not _is_cheap(metric, widest) or set(metric.needs) & costly:
                costly.add(metric.name)
        numbers = [m for m in metrics if not m.scope.is_column and m.statistic is None]
        can = [m for m in numbers if m.name not in fixed | costly]
        wanted = {m.name for m in can} | set(BEHIND_COUNTS)
        for metric in reversed(metrics):
            wanted |= set(metric.needs) if metric.name in wanted else set()
        again = [m for m in metrics if m.name in wanted - fixed]
        rest = [m for m in numbers if m not in can]
        return cls(tuple(again), tuple(can), tuple(rest), frozenset(fixed))


def _is_cheap(metric: Metric, widest: int) -> bool:
    return metric.repeated and (metric.widest is None or widest <= metric.widest)


def _facts_without_each(plan: _Plan, groups: GroupSums, facts: Facts) -> Iterator[Facts]:
    kept = {name: value for name, value in facts.values.items() if name in plan.fixed}
    start = replace(facts, values=kept)
    for sums in groups.without_each([m.name for m in plan.again]):
        yield finish_all(plan.again, sums, start)


def _told(found: Mapping[str, np.ndarray | None], why: Mapping[str, str]) -> Intervals:
    ends: dict[str, Ends] = {}
    reasons: dict[str, str] = {}
    for key, both in found.items():
        known = both is not None and bool(np.isfinite(both).all())
        ends[f"{key}_ci"] = [float(end) for end in both] if known and both is not None else None
        if not known:
            reasons[f"{key}_ci"] = why[key] if both is None else UNDEFINED
    return Intervals(ends, reasons)
