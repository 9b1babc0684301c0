"""Which numbers of a latent the page shows, and what stands above them."""

from collections.abc import Iterator
from dataclasses import dataclass

from xc.evaluate.report.data import ReportData
from xc.evaluate.report.numbers import Format, percent, three, two, whole


@dataclass(frozen=True)
class ColumnHead:
    """One column of a class's table."""

    column: str
    """Column of latents.parquet."""
    title: str
    """Short heading."""
    hint: str
    """What it means, shown on hover."""
    style: Format


_ALWAYS = (
    ColumnHead("frequency", "frequency", "share of held-out rows on which it fires", percent),
    ColumnHead("template_fraction", "template", "share of firing on template tokens", percent),
    ColumnHead("activation_p50", "median f", "usual activation where it fires", two),
    ColumnHead("max_activation", "max f", "largest activation on held-out rows", two),
    ColumnHead("rel_norm", "rel. norm", "‖d_B‖ / (‖d_A‖ + ‖d_B‖): 0 A only, 1 B only", three),
    ColumnHead("delta_norm", "Δ norm", "½((‖d_B‖ − ‖d_A‖)/max + 1): 0 A only, 1 B only", three),
    ColumnHead("cosine", "cosine", "between the decoder directions in A and B", three),
    ColumnHead("cosine_encoder", "enc. cosine", "between the encoder directions", three),
)
_OF_WIDTHS = ColumnHead(
    "delta_norm_rms",
    "Δ norm/√d",
    "Δ norm of norms per dimension: ½ shared, whatever the widths",
    three,
)
_OF_MANY = (
    ColumnHead("persistence", "persistence", "sources with at least half its largest norm", whole),
    ColumnHead("norm_entropy", "spread", "entropy of its norms over the sources: 1 alike", three),
)
_OF_B = (
    ColumnHead(
        "nu_error", "νᵋ A/B", "error ratio along B's direction: high means shrinkage", three
    ),
    ColumnHead("nu_reconstruction", "νʳ A/B", "reconstruction ratio along B's direction", three),
)
_OF_A = (
    ColumnHead(
        "nu_error_mirror", "νᵋ B/A", "error ratio along A's direction: high means shrinkage", three
    ),
    ColumnHead(
        "nu_reconstruction_mirror", "νʳ B/A", "reconstruction ratio along A's direction", three
    ),
)


def heads(data: ReportData, class_name: str) -> tuple[ColumnHead, ...]:
    """Columns with any value; ratios along A's direction for A's own latents, else along B's."""
    ratios = _OF_A if class_name == "a_only" else _OF_B
    wide = (_OF_WIDTHS,) if len({source.d_model for source in data.sources}) > 1 else ()
    columns = (*_ALWAYS, *wide, *_norms(data), *ratios)
    return tuple(h for h in columns if data.latents.has(h.column))


def _norms(data: ReportData) -> Iterator[ColumnHead]:
    """With more than two sources no one ratio tells all: the norms themselves."""
    if len(data.sources) > 2:
        yield from _OF_MANY
        for source in data.sources:
            hint = f"decoder norm in {source.title}, as normalised in training"
            yield ColumnHead(f"norm_{source.letter}", f"‖d {source.title}‖", hint, three)
