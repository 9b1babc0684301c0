"""`<key>_ci` of every number: which way its interval is taken, and why it has none."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from xc.evaluate.bootstrap import FEW, intervals
from xc.evaluate.facts import Facts
from xc.evaluate.group_sets import ENOUGH
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.jackknife import is_steady, jackknife
from xc.evaluate.left_out import NOTHING, facts_without_each, left_out
from xc.evaluate.metric import Metric, Sums
from xc.evaluate.naming import named_values, names
from xc.evaluate.overlap import Overlap
from xc.evaluate.overlap_intervals import overlap_intervals, too_few
from xc.evaluate.populations import FEWEST_BEYOND, FEWEST_REDRAWN
from xc.evaluate.quantile_intervals import median_intervals, quantile_interval
from xc.evaluate.rarity_intervals import Firings, rarity_interval
from xc.evaluate.repetition import FOLLOWS, Repetition, repetition
from xc.evaluate.scalars import scalars

TOO_FEW = "an interval needs at least two clusters of held-out rows"
UNDEFINED = "an interval needs a value that is defined, whichever group of rows is left out"
CARRIED = (
    f"fewer than {FEWEST_BEYOND} shared latents lie beyond either end of the central share, other "
    f"rows would bring others, and to tell which takes {FEWEST_REDRAWN} latents and {ENOUGH} groups"
)
STEADY = "no group of rows changes it; that is no certainty: other text or another training may"
COUNT_BOUNDS = (0.0, float("inf"))

Ends = list[float] | None
Found = tuple[np.ndarray | None, str]
"""Low and high, and why there are none if there are none."""


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
    few: int = FEW,
) -> Intervals:
    """Those of metrics with per-sequence sums; none if there are to be no resamples.

    Args:
        metrics: all that are measured.
        sums: by metric name.
        facts: of all rows.
        resamples: how many draws.
        clusters: int64 [sequence of the store], the cluster of each.
        few: of fewer clusters each is left out in turn.
    """
    found: dict[str, Found] = {}
    own = [metric for metric in metrics if metric.statistic is not None] if resamples else []
    every = intervals(own, sums, facts, resamples=resamples, clusters=clusters, few=few)
    for metric in own:
        both = every[metric.name]
        found |= {key: resampled_ends(ends) for key, ends in _named(metric, both, facts)}
    return told(found)


def resampled_ends(ends: np.ndarray | None) -> Found:
    """Ends that coincide are no interval, as where leaving out groups changes nothing."""
    return (None, STEADY) if ends is not None and is_steady(ends) else (ends, TOO_FEW)


def _named(metric: Metric, both: np.ndarray | None, facts: Facts) -> Iterator[tuple[str, Any]]:
    n = facts.decoder.n_sources
    if both is None:
        yield from dict.fromkeys(names(metric, n)).items()
    else:
        low, high = (named_values(metric, side, n) for side in both)
        yield from ((key, np.array([low[key], high[key]])) for key in low)


def jackknife_intervals(metrics: Sequence[Metric], groups: GroupSums, facts: Facts) -> Intervals:
    """Those of all other numbers: everything is finished anew without groups of rows."""
    n = facts.decoder.n_sources
    plan = repetition(metrics)
    found: dict[str, Found] = dict(_by_error(plan, groups, facts))
    found |= dict(_by_shares(plan, groups, facts))
    found |= dict(_by_redraws(plan, groups, facts))
    found |= {key: (None, why) for m, why in plan.without.items() for key in names(m, n)}
    return told(found)


def _by_error(plan: Repetition, groups: GroupSums, facts: Facts) -> Iterator[tuple[str, Found]]:
    """θ ± t·se of every number."""
    again = left_out(plan, groups, facts)
    metric_of = {key: m for m in plan.numbers for key in names(m, facts.decoder.n_sources)}
    for key, value in scalars(plan.numbers, facts).items():
        own, metric = again.get(key, NOTHING), metric_of.get(key)
        if metric is not None and metric.suffix and len(own.values):
            # Of one role, say, which a group may lack.
            own = own.only(groups.present(metric.name, *metric.needs))
        bounds = metric.bounds if metric is not None else COUNT_BOUNDS
        both = jackknife(np.array(value), own.values, bounds=bounds, at_once=own.at_once)
        if both is not None and key.startswith("n_"):
            both = np.minimum(both, facts.decoder.d_sae)  # none counts more
        steady = FOLLOWS if metric is not None and metric.name in plan.counting else STEADY
        yield key, ((None, steady) if own.is_steady else (both, TOO_FEW))


def _by_redraws(plan: Repetition, groups: GroupSums, facts: Facts) -> Iterator[tuple[str, Found]]:
    """Of overlaps that hang on a few latents."""
    wanted: dict[str, tuple[Overlap, int]] = {}
    values: dict[str, float] = {}
    for metric in plan.numbers if groups.n > 1 else ():
        if metric.overlap is not None:
            known = np.isfinite(facts.values[metric.name])
            few = known & (metric.overlap.beyond(facts) < FEWEST_BEYOND)
            fewer = few & too_few(metric.overlap, groups, facts)
            for i, key in enumerate(names(metric, facts.decoder.n_sources)):
                values[key] = facts.values[metric.name][i]
                if fewer[i]:
                    yield key, (None, CARRIED)
                elif few[i]:
                    wanted[key] = metric.overlap, i
    for key, (low, high) in overlap_intervals(wanted, groups, facts).items():
        own = values[key]  # resamples are off to a side at times
        yield key, resampled_ends(np.array([np.minimum(low, own), np.maximum(high, own)]))


def _by_shares(plan: Repetition, groups: GroupSums, facts: Facts) -> Iterator[tuple[str, Found]]:
    """Of quantiles, and counts of latents that fire seldom, which move in steps."""
    n = facts.decoder.n_sources
    firings = lru_cache(1)(partial(Firings.of, groups))  # three bounds in turn are of the same
    for metric in plan.numbers:
        if metric.percent is not None:
            both = quantile_interval(metric, groups)
            yield from ((key, (both, TOO_FEW)) for key in names(metric, n))
        if metric.members is not None and groups.n > 1:
            each = facts_without_each(plan.of({metric.name}), groups, facts)
            ends = median_intervals(metric, facts, each)
            yield from ((k, (e, STEADY)) for k, e in zip(names(metric, n), ends, strict=True))
        if metric.rarer_than is not None:
            (frequency,) = metric.needs
            if (own := firings(frequency)).n > 1:
                both = rarity_interval(metric.rarer_than, own)
                yield from ((key, (both, STEADY)) for key in names(metric, n))


def told(found: Mapping[str, Found], undefined: str = UNDEFINED) -> Intervals:
    """What was found, for summary.json.

    Args:
        found: by key.
        undefined: the reason of ends that are not finite.
    """
    ends: dict[str, Ends] = {}
    reasons: dict[str, str] = {}
    for key, (both, why) in found.items():
        known = both is not None and bool(np.isfinite(both).all())
        ends[f"{key}_ci"] = [float(end) for end in both] if known and both is not None else None
        if not known:
            reasons[f"{key}_ci"] = why if both is None else undefined
    return Intervals(ends, reasons)
