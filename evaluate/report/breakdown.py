"""The table of measures by role and by part of the corpus, where there is more than one."""

from collections.abc import Iterator
from dataclasses import dataclass

from xc.evaluate.report.data import ReportData
from xc.evaluate.report.numbers import NONE, Format, interval, number, one, three, whole

_KINDS = {"role": "role", "corpus": "part of the corpus"}
_ROWS = "rows_"


@dataclass(frozen=True)
class Cell:
    """A number and its interval."""

    text: str
    interval: str


@dataclass(frozen=True)
class BreakdownRow:
    """One role, or one part of the corpus."""

    kind: str
    name: str
    rows: str
    cells: tuple[Cell, ...]
    """Under `heads`."""


def heads(data: ReportData) -> tuple[str, ...]:
    """Headings of the measures."""
    titles = [source.title for source in data.sources]
    return (
        *(f"Variance explained, {title}" for title in titles),
        *(f"Cosine of x and x̂, {title}" for title in titles),
        "Latents active",
    )


def breakdown(data: ReportData) -> tuple[BreakdownRow, ...]:
    """Rows in the order of summary.json; none where nothing is broken down."""
    return tuple(_rows(data))


def _rows(data: ReportData) -> Iterator[BreakdownRow]:
    for key, value in data.summary.items():
        column, _, name = key.removeprefix(_ROWS).partition("_")
        if key.startswith(_ROWS) and column in _KINDS:
            suffix = f"_{column}_{name}"
            by_source = [
                f"{name}_{source.letter}{suffix}"
                for name in ("fve", "cosine_reconstruction")
                for source in data.sources
            ]
            cells = (*(_cell(data, k, three) for k in by_source), _cell(data, f"l0{suffix}", one))
            yield BreakdownRow(_KINDS[column], name, number(value, whole), cells)


def _cell(data: ReportData, key: str, style: Format) -> Cell:
    value = number(data.summary.get(key), style)
    bounds = interval(data.summary.get(f"{key}_ci"), style)
    return Cell(value, "" if value == NONE else bounds)
