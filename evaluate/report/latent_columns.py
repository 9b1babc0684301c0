"""Which numbers of a latent the page shows, and what stands above them."""

from collections.abc import Iterator
from dataclasses import dataclass

from xc.evaluate.metric import Metric
from xc.evaluate.report.column_metrics import metrics_of_columns
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.numbers import Format, percent, three, two, whole


@dataclass(frozen=True)
class ColumnHead:
    """One column of a class's table; its words are those of its metric."""

    column: str
    """Column of latents.parquet."""
    title: str
    """Short heading."""
    style: Format
    metric: Metric

    @property
    def hint(self) -> str:
        """What it is, shown on hover."""
        return self.metric.summary

    @property
    def explanation(self) -> str:
        """The same, with how to read it and when not to trust it."""
        return f"{self.metric.summary} {self.metric.meaning} {self.metric.misleads}"


_Shown = tuple[str, str, Format]
"""Column, heading, style."""

_ALWAYS: tuple[_Shown, ...] = (
    ("frequency", "frequency", percent),
    ("template_fraction", "template", percent),
    ("activation_p50", "median f", two),
    ("max_activation", "max f", two),
    ("rel_norm", "rel. norm", three),
    ("delta_norm", "Δ norm", three),
    ("cosine", "cosine", three),
    ("cosine_encoder", "enc. cosine", three),
)
_OF_WIDTHS: _Shown = ("delta_norm_rms", "Δ norm/√d", three)
_OF_MANY: tuple[_Shown, ...] = (
    ("persistence", "persistence", whole),
    ("norm_entropy", "spread", three),
)
_OF_B: tuple[_Shown, ...] = (
    ("nu_error", "νᵋ A/B", three),
    ("nu_reconstruction", "νʳ A/B", three),
)
_OF_A: tuple[_Shown, ...] = (
    ("nu_error_mirror", "νᵋ B/A", three),
    ("nu_reconstruction_mirror", "νʳ B/A", three),
)


def heads(data: ReportData, class_name: str) -> tuple[ColumnHead, ...]:
    """Columns with any value; ratios along A's direction for A's own latents, else along B's."""
    ratios = _OF_A if class_name == "a_only" else _OF_B
    wide = (_OF_WIDTHS,) if len({source.d_model for source in data.sources}) > 1 else ()
    known = metrics_of_columns(len(data.sources))
    return tuple(
        ColumnHead(column, title, style, known[column])
        for column, title, style in (*_ALWAYS, *wide, *_norms(data), *ratios)
        if column in known and data.latents.has(column)
    )


def _norms(data: ReportData) -> Iterator[_Shown]:
    """With more than two sources no one ratio tells all: the norms themselves."""
    if len(data.sources) > 2:
        yield from _OF_MANY
        for source in data.sources:
            yield f"norm_{source.letter}", f"‖d {source.title}‖", three
