"""The headline table's rows: every scalar metric that summary.json holds, with its values."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xc.evaluate.metric import Metric
from xc.evaluate.naming import names
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.measures import Heading, heading, headline_metrics
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
    key: str
    """As in summary.json, but for letters of sources behind it."""
    values: tuple[Value, ...]


def headline_rows(data: ReportData) -> tuple[HeadlineRow, ...]:
    """Headline metrics with at least one number, in the order of the table of metrics."""
    return rows_of(headline_metrics(), data)


def rows_of(metrics: Iterable[Metric], data: ReportData) -> tuple[HeadlineRow, ...]:
    """Those of some metrics that have at least one number."""
    rows = (HeadlineRow(m, heading(m), _key(m, data), tuple(_values(m, data))) for m in metrics)
    return tuple(row for row in rows if any(value.text != NONE for value in row.values))


def _key(metric: Metric, data: ReportData) -> str:
    """Where the letters stand within the key, more than two sources have several: the first, …"""
    if "{" not in metric.output:
        return metric.output
    first, *others = names(metric, len(data.sources)) or [metric.output.format(p="a", q="b")]
    return f"{first}, …" if others else first


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
    if "{" in metric.key:
        return _side(key, metric)
    suffix = key.removeprefix(metric.output).strip("_")
    return suffix.replace("_", "–").upper()


def _side(key: str, metric: Metric) -> str:
    """Of two sources the title says which one is meant; of more, `B (B–C)`."""
    if key == metric.key.format(p="a", q="b"):
        return ""
    first, second = key.split("_")[-2:]
    own = first if "{p}" in metric.key else second
    return f"{own.upper()} ({first.upper()}–{second.upper()})"


CARDS = ("fve", "l0", "dead_fraction", "sharedness", "alignment_adjusted", "cosine_shared_median")
"""Metrics that are also shown large at the top."""


def cards(rows: tuple[HeadlineRow, ...]) -> tuple[HeadlineRow, ...]:
    """The rows to show large."""
    by_name = {row.metric.name: row for row in rows}
    return tuple(by_name[name] for name in CARDS if name in by_name)
