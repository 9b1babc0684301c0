"""Every metric in its own words, those of its row in `METRICS`: what no table above says of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from xc.evaluate.metric import Metric
from xc.evaluate.metrics import METRICS
from xc.evaluate.naming import names
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.headline import HeadlineRow
from xc.evaluate.report.measures import heading, scalar_metrics

MOST = 4
"""Names of one metric that are written out."""


@dataclass(frozen=True)
class Entry:
    """One metric."""

    title: str
    keys: tuple[str, ...]
    """Under which it stands in summary.json or latents.parquet."""
    left_out: int
    """Further ones."""
    metric: Metric
    formula_only: bool
    """Whether its other words stand beside its numbers already."""


def measures_explained(data: ReportData, shown: Iterable[HeadlineRow]) -> tuple[Entry, ...]:
    """All that give numbers of summary.json, in the order of the page, then those without any."""
    above = list({row.metric.name: row.metric for row in shown}.values())
    silent = [m for m in scalar_metrics() if m not in above and _exists(m, data)]
    return (
        *(_entry(m, data, title=heading(m).title, formula_only=True) for m in above),
        *(_entry(m, data, title=heading(m).title) for m in silent),
    )


def columns_explained(data: ReportData) -> tuple[Entry, ...]:
    """All that give columns of latents.parquet, in the order of the table of metrics."""
    return tuple(_entry(m, data) for m in METRICS if m.scope.is_column and _exists(m, data))


def _exists(metric: Metric, data: ReportData) -> bool:
    """Whether so many sources have it: a source alone has nothing that compares."""
    return len(data.sources) > 1 or bool(names(metric, len(data.sources)))


def _entry(
    metric: Metric, data: ReportData, *, title: str = "", formula_only: bool = False
) -> Entry:
    keys = names(metric, len(data.sources))
    shown = keys if len(keys) <= MOST else keys[: MOST - 1]
    return Entry(title, tuple(shown), len(keys) - len(shown), metric, formula_only)
