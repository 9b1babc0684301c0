"""summary.json: one flat object of finite numbers or null, intervals, and why something is null."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from xc.evaluate import overall
from xc.evaluate.facts import Facts
from xc.evaluate.intervals import Intervals
from xc.evaluate.metric import Metric
from xc.evaluate.naming import named_values, names
from xc.evaluate.not_measured import alone
from xc.evaluate.partition import group_counts
from xc.evaluate.row_counts import RowCounts

LEFT_OUT = "not asked for (--metrics)"

NEEDS_TWO = "compares two sources; this one stands alone"


def summarise(
    table: Sequence[Metric],
    chosen: Sequence[Metric],
    facts: Facts,
    *,
    counts: RowCounts,
    intervals: Intervals,
) -> dict[str, Any]:
    """The object of summary.json, keys in table order.

    Args:
        table: all metrics there are.
        chosen: those that were computed.
        facts: their values.
        counts: of the rows.
        intervals: what is known of any of the numbers.
    """
    n = facts.decoder.n_sources
    reasons = {**counts.not_measured(), **_uncut(facts), **intervals.reasons}
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
        out |= intervals.of(*values)
    counted = {**overall.counts(facts), **group_counts(facts)}
    out |= counted | intervals.of(*counted)
    reasons |= {key: LEFT_OUT for key, value in counted.items() if value is None}
    if n == 1:
        unpaired = alone(table)
        out |= {key: None for key, is_column in unpaired.items() if not is_column}
        reasons |= dict.fromkeys(unpaired, NEEDS_TWO)
    out |= counts.summary() | _cuts(facts)
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


def number(value: np.ndarray) -> float | int | None:
    """A plain number; None for what is not finite."""
    plain = np.asarray(value).item()
    return plain if isinstance(plain, int) or math.isfinite(plain) else None
