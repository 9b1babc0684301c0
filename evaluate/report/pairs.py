"""The section on pairs: with more than two sources, what is measured of each two of them."""

from dataclasses import dataclass

from xc.evaluate.metric import Metric
from xc.evaluate.metrics import METRICS
from xc.evaluate.naming import names
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.measures import heading
from xc.evaluate.report.numbers import NONE, interval, number

MEASURES: tuple[tuple[str, str], ...] = (
    ("sharedness", "Sharedness"),
    ("alignment", "Alignment"),
    ("alignment_adjusted", "Alignment above chance"),
    ("cosine_shared_median", "Cosine of shared, median"),
    ("n_shared", "Shared latents"),
    ("n_a_only", "First only"),
    ("n_b_only", "Second only"),
    ("n_other", "Other"),
)
"""Metrics of a pair, and short headings."""


@dataclass(frozen=True)
class PairCell:
    """One number of a pair."""

    text: str
    interval: str
    why: str
    """Why there is no number, or else no interval; empty if nothing is told."""


@dataclass(frozen=True)
class PairRow:
    """One pair."""

    title: str
    """`A–B`."""
    models: str
    """Names of both sources."""
    cells: tuple[PairCell, ...]


@dataclass(frozen=True)
class PairTable:
    """What the section shows."""

    heads: tuple[tuple[str, str], ...]
    """Title, and what the metric says of itself."""
    rows: tuple[PairRow, ...]


def pair_table(data: ReportData) -> PairTable | None:
    """None for one source and for two, whose numbers stand above; and where nothing is known."""
    if len(data.sources) < 3:
        return None
    by_name = {metric.name: metric for metric in METRICS}
    columns = [(by_name[name], title, _cells(data, by_name[name])) for name, title in MEASURES]
    known = [(m, t, cells) for m, t, cells in columns if any(c.text != NONE for c in cells)]
    if not known:
        return None
    rows = (
        PairRow(f"{p.title}–{q.title}", f"{p.name} and {q.name}", tuple(c[i] for _, _, c in known))
        for i, (p, q) in enumerate(data.pairs)
    )
    heads = tuple((title, f"{m.summary} {m.meaning} {m.misleads}") for m, title, _ in known)
    return PairTable(heads, tuple(rows))


def _cells(data: ReportData, metric: Metric) -> tuple[PairCell, ...]:
    """One of each pair, in their order."""
    style, why = heading(metric).style, data.summary.get("not_measured") or {}
    return tuple(
        PairCell(
            number(data.summary.get(key), style),
            interval(data.summary.get(f"{key}_ci"), style),
            str(why.get(key) or why.get(f"{key}_ci") or ""),
        )
        for key in names(metric, len(data.sources))
    )
