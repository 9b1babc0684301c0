"""summary.json: one flat object of finite numbers or null, intervals, and why something is null."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xc.evaluate import overall
from xc.evaluate.bootstrap import interval
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Sums
from xc.evaluate.naming import named_values, names
from xc.evaluate.not_measured import alone, not_measured
from xc.evaluate.partition import group_counts
from xc.evaluate.row_counts import RowCounts

LEFT_OUT = "not asked for (--metrics)"

NEEDS_TWO = "compares two sources; this one stands alone"

NO_INTERVAL = "an interval needs at least two held-out sequences and a value that is defined"


def summarise(
    table: Sequence[Metric],
    chosen: Sequence[Metric],
    sums: Mapping[str, Sums],
    facts: Facts,
    *,
    counts: RowCounts,
    resamples: int,
) -> dict[str, Any]:
    """The object of summary.json, keys in table order.

    Args:
        table: all metrics there are.
        chosen: those that were computed.
        sums: their sums, for the intervals.
        facts: their values.
        counts: of the rows.
        resamples: bootstrap resamples behind an interval.
    """
    n = facts.decoder.n_sources
    reasons = {**not_measured(n), **counts.not_measured(), **_uncut(facts)}
    out: dict[str, Any] = {}
    for metric in table:
        if metric.scope.is_column:
            reasons |= _empty_columns(metric, metric in chosen, facts)
            continue
        if metric not in chosen:
            out |= dict.fromkeys(names(metric, n))
            reasons |= dict.fromkeys(names(metric, n), LEFT_OUT)
            continue
        values = {k: number(v) for k, v in named_values(metric, _value(metric, facts), n).items()}
        out |= values
        reasons |= {key: metric.undefined for key, value in values.items() if value is None}
        intervals = _intervals(metric, sums, facts, values, resamples=resamples)
        reasons |= {key: NO_INTERVAL for key, ends in intervals.items() if ends is None}
        out |= intervals
    counted = {**overall.counts(facts), **group_counts(facts)}
    out |= counted
    reasons |= {key: LEFT_OUT for key, value in counted.items() if value is None}
    if n == 1:
        unpaired = alone(table)
        out |= {key: None for key, is_column in unpaired.items() if not is_column}
        reasons |= dict.fromkeys(unpaired, NEEDS_TWO)
    out |= counts.summary() | _cuts(facts)
    out |= dict.fromkeys(not_measured(n))
    return {**out, "not_measured": dict(sorted(reasons.items()))}


def _cuts(facts: Facts) -> dict[str, Any]:
    """Where the classes were cut; nothing for a single source, which has none."""
    return facts.thresholds.summary() if facts.pairs else {}


def _uncut(facts: Facts) -> dict[str, str]:
    return facts.thresholds.not_measured() if facts.pairs else {}


def _empty_columns(metric: Metric, measured: bool, facts: Facts) -> dict[str, str]:
    """Why the columns of latents.parquet that hold nothing at all do so."""
    n = facts.decoder.n_sources
    if not measured:
        return dict.fromkeys(names(metric, n), LEFT_OUT)
    columns = named_values(metric, _value(metric, facts), n)
    empty = [k for k, v in columns.items() if v.dtype.kind != "U" and not np.isfinite(v).any()]
    return dict.fromkeys(empty, metric.undefined)


def _value(metric: Metric, facts: Facts) -> np.ndarray:
    return facts.values[metric.name]


def _intervals(
    metric: Metric,
    sums: Mapping[str, Sums],
    facts: Facts,
    values: Mapping[str, Any],
    *,
    resamples: int,
) -> dict[str, list[float] | None]:
    """`<key>_ci` of every value that has one; null where it cannot be told."""
    if metric.statistic is None or resamples == 0:
        return {}
    bounds = interval(metric, sums[metric.name], facts, resamples=resamples)
    if bounds is None:
        return {f"{key}_ci": None for key in values}
    n = facts.decoder.n_sources
    low, high = (named_values(metric, side, n) for side in bounds)
    return {f"{key}_ci": pair(low[key], high[key]) for key in values}


def pair(low: np.ndarray, high: np.ndarray) -> list[float] | None:
    """Both ends, or None if one is not finite."""
    ends = [number(low), number(high)]
    return None if None in ends else ends  # type: ignore[return-value]


def number(value: np.ndarray) -> float | int | None:
    """A plain number; None for what is not finite."""
    plain = np.asarray(value).item()
    return plain if isinstance(plain, int) or math.isfinite(plain) else None
