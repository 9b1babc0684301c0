"""The top latents of each class: their numbers, and the text that makes them fire."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xc.evaluate.report.class_counts import LatentClass, count_classes
from xc.evaluate.report.columns import LatentColumns
from xc.evaluate.report.context import Piece, pieces
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.examples import Example
from xc.evaluate.report.latent_columns import ColumnHead, heads
from xc.evaluate.report.numbers import number, two


@dataclass(frozen=True)
class ShownExample:
    """One line of text."""

    activation: str
    """f at the marked token."""
    place: str
    """Where it stands in the store."""
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class ShownLatent:
    """One latent with its numbers and examples."""

    latent: int
    cells: tuple[tuple[ColumnHead, float, str], ...]
    """Head, value to sort by, text."""
    examples: tuple[ShownExample, ...]


@dataclass(frozen=True)
class ShownClass:
    """One class of latents."""

    of: LatentClass
    heading: str
    """`A-only latents`."""
    heads: tuple[ColumnHead, ...]
    latents: tuple[ShownLatent, ...]


def top_latents(data: ReportData) -> tuple[ShownClass, ...]:
    """Classes in the report's order; without dead ones, of which no example exists."""
    rows = {int(latent): i for i, latent in enumerate(data.latents.latent)}
    return tuple(
        _shown_class(data, entry, rows) for entry in count_classes(data) if entry.name != "dead"
    )


def _shown_class(data: ReportData, of: LatentClass, rows: Mapping[int, int]) -> ShownClass:
    columns = heads(data, of.name)
    members = set(data.latents.latent[data.latents.of_class(of.name)].tolist())
    shown = tuple(
        ShownLatent(latent, _cells(data.latents, rows[latent], columns), _examples(examples))
        for latent, examples in data.examples.items()
        if latent in members
    )
    heading = f"{of.title[0].upper()}{of.title[1:].replace(' ', '-')} latents"
    return ShownClass(of, heading, columns, shown)


def _cells(
    table: LatentColumns, row: int, columns: tuple[ColumnHead, ...]
) -> tuple[tuple[ColumnHead, float, str], ...]:
    values = [float(table.number(head.column)[row]) for head in columns]
    return tuple((h, v, number(v, h.style)) for h, v in zip(columns, values, strict=True))


def _examples(examples: tuple[Example, ...]) -> tuple[ShownExample, ...]:
    peak = max((value for e in examples for value in (e.activation, *e.activations)), default=0.0)
    return tuple(
        ShownExample(
            activation=number(example.activation, two),
            place=f"row {example.row}, sequence {example.sequence}, position {example.position}",
            pieces=pieces(example, peak=peak if np.isfinite(peak) else 0.0),
        )
        for example in examples
    )
