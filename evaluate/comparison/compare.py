"""The comparison as a value: entries, columns, caveats; text, CSV and page are made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from xc.evaluate.comparison.caveats import apart, caveats, unequal_l0, unknown_l0
from xc.evaluate.comparison.columns import COLUMNS, Column
from xc.evaluate.comparison.entry import Entry, read_entries
from xc.evaluate.comparison.precision import apart_in_precision, unequal_precision
from xc.evaluate.comparison.settings import changed_settings, shared_settings
from xc.evaluate.equal_l0 import L0_TOLERANCE
from xc.evaluate.report.numbers import any_size
from xc.store_schema import RequestError, suggestion


@dataclass(frozen=True)
class Cell:
    """One number of one entry."""

    value: float | None
    """None: not measured."""
    bounds: tuple[float, float] | None
    """95 % interval."""


@dataclass(frozen=True)
class Comparison:
    """Runs side by side."""

    entries: tuple[Entry, ...]
    """Rows of the CSV; what people read has a column for each."""
    columns: tuple[Column, ...]
    """Measures."""
    caveats: tuple[str, ...]
    """Why some differences say little."""
    apart: Mapping[str, str]
    """Runs whose L0 is not that of the first, and the first."""
    apart_in_precision: Mapping[str, str]
    """Runs whose losses were not taken in the precision of the first that has any, and that one."""
    settings: dict[str, list[Any]]
    """Training settings that differ, each with one value per entry."""
    shared: dict[str, Any]
    """Training settings that are the same in all runs."""

    @property
    def n_runs(self) -> int:
        """How many runs; one of several sources has several entries."""
        return len({entry.folder for entry in self.entries})

    def mark(self, entry: Entry, column: Column) -> str:
        """Why a number cannot be set against that of the first run; empty if it can."""
        if column.key == "l0":
            return self.mark_of_l0(entry)
        if column.of_models and entry.run in self.apart_in_precision:
            return f"the precision is not that of {self.apart_in_precision[entry.run]}"
        return ""

    def mark_of_l0(self, entry: Entry) -> str:
        """Why an entry's numbers move by themselves against those of the first run, or nothing."""
        return f"L0 is not that of {self.apart[entry.run]}" if entry.run in self.apart else ""

    @property
    def marks(self) -> tuple[str, ...]:
        """What is marked, each reason once."""
        every = (self.mark(entry, column) for entry in self.entries for column in self.columns)
        return tuple(dict.fromkeys(filter(None, every)))

    def cell(self, entry: Entry, column: Column) -> Cell:
        """The number of an entry in a column."""
        if column.needs_pair and len(entry.pair) < 2:
            return Cell(None, None)
        key = column.name(*entry.letters, n_sources=entry.n_sources)
        value, bounds = entry.summary.get(key), entry.summary.get(f"{key}_ci")
        return Cell(
            None if value is None else float(value), (bounds[0], bounds[1]) if bounds else None
        )

    def to_arrow(self) -> pa.Table:
        """One row per entry: run, pair of models and their layers, settings that differ, values
        with `_low` and `_high`."""
        rows = [self._row(i, entry) for i, entry in enumerate(self.entries)]
        return pa.Table.from_pylist(rows)

    def _row(self, i: int, entry: Entry) -> dict[str, Any]:
        row: dict[str, Any] = {"run": entry.run, "pair": entry.models}
        for letter, source in zip("ab", (*entry.pair, None), strict=False):
            row[f"source_{letter}"] = source.name if source else None
            row[f"layer_{letter}"] = source.layer if source else None
        settings = {name: values[i] for name, values in self.settings.items()}
        row |= {name: None if v is None else str(v) for name, v in settings.items()}
        for column in self.columns:
            cell, key = self.cell(entry, column), column.plain
            row[key] = cell.value
            row[f"{key}_low"], row[f"{key}_high"] = cell.bounds or (None, None)
        row["unequal_l0"] = entry.run in self.apart
        if any(column.of_models for column in self.columns):
            row["unequal_precision"] = entry.run in self.apart_in_precision
        return row


def compare(
    runs: Sequence[Path],
    *,
    metrics: Sequence[str] = (),
    l0_tolerance: float = L0_TOLERANCE,
    strict: bool = False,
) -> Comparison:
    """Read evaluated runs and put them side by side.

    Args:
        runs: their folders.
        metrics: keys of summary.json to show; none: the usual ones.
        l0_tolerance: share by which L0 may differ without a mark.
        strict: refuse, where L0 differs by more or is not known, instead of marking.

    Raises:
        RequestError: if a run was not evaluated, no run has such a key, or (`strict`) L0 differs
            or was not measured.
        DamageError: if a file cannot be read.
    """
    if not runs:
        raise RequestError("nothing to compare; name at least one run that was evaluated")
    entries = read_entries(runs)
    if strict and (unknown := unknown_l0(entries)):
        raise RequestError(unknown)
    told = unequal_l0(entries, tolerance=l0_tolerance)
    if strict and told:
        raise RequestError(f"{told}; train them to the same L0, or leave out --strict")
    columns = _columns(entries, metrics)
    losses = any(column.of_models for column in columns)
    found = unequal_precision(entries) if losses else ""
    return Comparison(
        entries,
        columns,
        (*caveats(entries, l0_tolerance=l0_tolerance), *([found] if found else [])),
        apart(entries, tolerance=l0_tolerance),
        apart_in_precision(entries),
        changed_settings(entries),
        shared_settings(entries),
    )


def _columns(entries: Sequence[Entry], metrics: Sequence[str]) -> tuple[Column, ...]:
    if not metrics:
        return tuple(c for c in COLUMNS if any(_known(c, e) for e in entries))
    usual = {c.plain: c for c in COLUMNS}
    keys = {key for e in entries for key, value in e.summary.items() if _is_number(value)}
    for name in metrics:
        if name not in keys and name not in usual:
            raise RequestError(f"no run has a number '{name}'{suggestion(name, keys)}")
    return tuple(usual.get(name) or Column(name, name, any_size) for name in metrics)


def _known(column: Column, entry: Entry) -> bool:
    key = column.name(*entry.letters, n_sources=entry.n_sources)
    return entry.summary.get(key) is not None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
