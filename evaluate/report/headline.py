"""The headline table's rows: every scalar metric that summary.json holds, with its values."""

from collections.abc import Iterator
from dataclasses import dataclass

from xc.evaluate.metric import Metric
from xc.evaluate.naming import names
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.measures import Heading, heading, scalar_metrics
from xc.evaluate.report.numbers import NONE, interval, number


@dataclass(frozen=True)
class Value:
    """One number of a measure."""

    of: str
    """What it is about: `A`, `A–B`; empty for the whole crosscoder."""
    text: str
    """The number, or a dash."""
    interval: str
    """The confidence interval, or nothing."""


@dataclass(frozen=True)
class HeadlineRow:
    """One measure with its values and words."""

    metric: Metric
    heading: Heading
    values: tuple[Value, ...]


def headline_rows(data: ReportData) -> tuple[HeadlineRow, ...]:
    """Metrics with at least one number, in the order of the table of metrics."""
    rows = (HeadlineRow(m, heading(m), tuple(_values(m, data))) for m in scalar_metrics())
    return tuple(row for row in rows if any(value.text != NONE for value in row.values))


def _values(metric: Metric, data: ReportData) -> Iterator[Value]:
    style = heading(metric).style
    for key in names(metric, len(data.sources)):
        if key in data.summary:
            yield Value(
                of=_subject(key, metric),
                text=number(data.summary[key], style),
                interval=interval(data.summary.get(f"{key}_ci"), style),
            )


def _subject(key: str, metric: Metric) -> str:
    suffix = key.removeprefix(metric.output).strip("_")
    return suffix.replace("_", "–").upper()


CARDS = ("fve", "l0", "dead_fraction", "sharedness", "alignment_adjusted", "cosine_shared_median")
"""Metrics that are also shown large at the top."""


def cards(rows: tuple[HeadlineRow, ...]) -> tuple[HeadlineRow, ...]:
    """The rows to show large."""
    by_name = {row.metric.name: row for row in rows}
    return tuple(by_name[name] for name in CARDS if name in by_name)
