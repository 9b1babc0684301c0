"""`<key>_ci` of every number: which way its interval is taken, and why it has none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xc.evaluate.bootstrap import interval
from xc.evaluate.facts import Facts
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.jackknife import jackknife
from xc.evaluate.left_out import numbers_without_each
from xc.evaluate.metric import Metric, Sums
from xc.evaluate.naming import named_values, names
from xc.evaluate.quantile_intervals import quantile_interval
from xc.evaluate.repetition import repetition
from xc.evaluate.scalars import scalars

TOO_FEW = "an interval needs at least two clusters of held-out rows"
UNDEFINED = "an interval needs a value that is defined, whichever group of rows is left out"
STEADY = "no group of rows changes it; that is no certainty, for another training would"
COUNT_BOUNDS = (0.0, float("inf"))

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
    plan = repetition(metrics)
    left_out = numbers_without_each(plan, groups, facts)
    metric_of = {key: metric for metric in plan.numbers for key in names(metric, n)}
    found: dict[str, np.ndarray | None] = {}
    steady: dict[str, str] = {}
    for key, value in scalars(plan.numbers, facts).items():
        rows = left_out.get(key, np.zeros(0))
        metric = metric_of.get(key)
        if metric is not None and metric.suffix and len(rows):
            rows = rows[groups.present(metric.name)]  # of one role, say, which a group may lack
        bounds = metric.bounds if metric is not None else COUNT_BOUNDS
        found[key] = jackknife(np.array(value), rows, bounds=bounds)
        if metric is not None and metric.percent is not None:
            found[key] = quantile_interval(metric, groups)
        elif _steady(rows):
            found[key], steady[key] = None, STEADY
    without = {key: why for m, why in plan.without.items() for key in names(m, n)}
    return _told(
        found | dict.fromkeys(without), {**dict.fromkeys(found, TOO_FEW), **steady, **without}
    )


def _steady(left_out: np.ndarray) -> bool:
    """Whether a value is the same, and defined, whichever group of rows is left out."""
    known = len(left_out) > 1 and bool(np.isfinite(left_out).all())
    return known and bool((left_out == left_out[0]).all())


def _told(found: Mapping[str, np.ndarray | None], why: Mapping[str, str]) -> Intervals:
    ends: dict[str, Ends] = {}
    reasons: dict[str, str] = {}
    for key, both in found.items():
        known = both is not None and bool(np.isfinite(both).all())
        ends[f"{key}_ci"] = [float(end) for end in both] if known and both is not None else None
        if not known:
            reasons[f"{key}_ci"] = why[key] if both is None else UNDEFINED
    return Intervals(ends, reasons)
