"""Pairs of models by layers: the table of Becker et al., Fig. 8."""

from dataclasses import dataclass

from xc.evaluate.comparison.about import layers_text
from xc.evaluate.comparison.columns import IN_MATRIX, Column
from xc.evaluate.comparison.compare import Cell, Comparison
from xc.evaluate.comparison.entry import Entry


@dataclass(frozen=True)
class Place:
    """One run's number in a cell of the matrix."""

    run: str
    cell: Cell
    mark: str
    """Why it cannot be set against that of the first run; empty if it can."""


@dataclass(frozen=True)
class Matrix:
    """One measure over pairs of models and layers."""

    column: Column
    layers: tuple[str, ...]
    """Heads of the columns: `6 × 3`."""
    rows: tuple[tuple[str, tuple[tuple[Place, ...], ...]], ...]
    """Pair of models, and for each column the runs that measured it."""

    @property
    def marks(self) -> tuple[str, ...]:
        """What is marked in it, each reason once."""
        places = (place for _, cells in self.rows for own in cells for place in own)
        return tuple(dict.fromkeys(place.mark for place in places if place.mark))


def matrices(comparison: Comparison) -> tuple[Matrix, ...]:
    """One matrix per measure of `IN_MATRIX` that the comparison shows."""
    columns = [c for c in comparison.columns if c.key in IN_MATRIX]
    pairs = [e for e in comparison.entries if len(e.pair) > 1]
    return tuple(_matrix(comparison, column, pairs) for column in columns if pairs)


def _depth(entry: Entry) -> tuple[int, ...]:
    return tuple(-1 if layer is None else layer for layer in entry.layers)


def _matrix(comparison: Comparison, column: Column, entries: list[Entry]) -> Matrix:
    layers = tuple(dict.fromkeys(layers_text(e) for e in sorted(entries, key=_depth)))
    rows = []
    for models in dict.fromkeys(e.models for e in entries):
        own = [e for e in entries if e.models == models]
        cells = tuple(
            tuple(_place(comparison, column, e) for e in own if layers_text(e) == layer)
            for layer in layers
        )
        rows.append((models, cells))
    return Matrix(column, layers, tuple(rows))


def _place(comparison: Comparison, column: Column, entry: Entry) -> Place:
    return Place(entry.run, comparison.cell(entry, column), comparison.mark_of_l0(entry))
