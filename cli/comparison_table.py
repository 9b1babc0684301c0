"""A comparison in the terminal: a column for each run, in blocks where they have no room."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xc.cli.latents import GAP, WIDE
from xc.evaluate.comparison import Comparison
from xc.evaluate.comparison.about import told_apart, told_once
from xc.evaluate.comparison.settings import setting_texts
from xc.evaluate.report.numbers import interval, number

ROOM = 24
"""Characters of a name or a setting that stay on one line, where numbers need no more."""


@dataclass(frozen=True)
class _Run:
    """One run, or one pair of its sources, as it is printed."""

    name: str
    about: Sequence[str]
    """What tells it from others: models, layers, settings."""
    values: Sequence[str]
    """Numbers, marked where they cannot be set against those of the first run."""
    bounds: Sequence[str]
    """Their intervals; empty where there is none."""

    def width(self, *, beside: bool) -> int:
        """Characters of its column: numbers are never folded, all else where it is long."""
        of_value, of_bounds = _longest(self.values), _longest(self.bounds)
        numbers = of_value + GAP + of_bounds if beside else max(of_value, of_bounds)
        return max(numbers, min(_longest([self.name, *self.about]), ROOM))

    def cells(self, *, beside: bool) -> Iterator[Text]:
        """Numbers with their intervals, beside them or on a line below."""
        pairs = zip(self.values, self.bounds, strict=True)
        if not beside:
            for value, bounds in pairs:
                yield Text(value).append(f"\n{bounds}" if bounds else "", style="dim")
            return
        of_bounds = _longest(self.bounds)
        of_value = self.width(beside=True) - GAP - of_bounds
        for value, bounds in pairs:  # rich would move a number without bounds to the right
            text = Text(f"{value:>{of_value}}", justify="left")
            yield text.append(f"{'':{GAP}}{bounds:<{of_bounds}}", style="dim")


def print_comparison(console: Console, comparison: Comparison) -> None:
    """One column per run, one row per number: runs are few, numbers many."""
    if not console.is_terminal and "COLUMNS" not in os.environ:  # a file has room
        console.width = max(console.width, WIDE)
    about = _about(comparison)
    titles = [column.title for column in comparison.columns]
    runs = [_run(comparison, i, list(about.values())) for i in range(len(comparison.entries))]
    room = console.width - _longest([*about, *titles])
    beside = _width(runs, beside=True) <= room
    _print_shared(console, comparison)
    for block in _blocks(runs, room, beside=beside):
        console.print(_table(list(about), titles, block, beside=beside))
        console.print()
    for caveat in comparison.caveats:
        console.print(Text(f"note: {caveat}", style="yellow"), soft_wrap=True)


def _print_shared(console: Console, comparison: Comparison) -> None:
    """Models and layers, where all runs have the same; of their settings only how many are."""
    shared = told_once(comparison.entries)
    said = [shared[name] for name in ("Models",) if name in shared]
    said += [f"layers {shared[name]}" for name in ("Layers",) if name in shared]
    if said:
        console.print(Text(", ".join(said), style="bold"), soft_wrap=True)
    if comparison.n_runs > 1 and comparison.shared:
        n = len(comparison.shared)
        told = f"{n} setting{' is' if n == 1 else 's are'} the same in all runs"
        console.print(Text(told, style="dim"), soft_wrap=True)


def _about(comparison: Comparison) -> dict[str, list[str]]:
    """What tells runs apart before any number does: name to the text of each entry."""
    apart = {name.lower(): texts for name, texts in told_apart(comparison.entries).items()}
    return apart | {name: setting_texts(v) for name, v in comparison.settings.items()}


def _run(comparison: Comparison, i: int, about: Sequence[Sequence[str]]) -> _Run:
    entry = comparison.entries[i]
    values, bounds = [], []
    for column in comparison.columns:
        cell = comparison.cell(entry, column)
        mark = " ≠" if comparison.mark(entry, column) else ""
        values.append(number(cell.value, column.style) + mark)
        bounds.append(interval(cell.bounds, column.style))
    return _Run(entry.run, [texts[i] for texts in about], values, bounds)


def _blocks(runs: Sequence[_Run], room: int, *, beside: bool) -> Iterator[list[_Run]]:
    """As many runs each as there is room for, at least one."""
    block: list[_Run] = []
    for run in runs:
        if block and _width([*block, run], beside=beside) > room:
            yield block
            block = []
        block.append(run)
    yield block


def _table(
    about: Sequence[str], titles: Sequence[str], runs: Sequence[_Run], *, beside: bool
) -> Table:
    """What tells the runs apart, an empty line, the numbers."""
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for run in runs:
        width = run.width(beside=beside)
        table.add_column(Text(run.name), justify="right", overflow="fold", width=width)
    for name, *texts in zip(about, *(run.about for run in runs), strict=True):
        table.add_row(*(Text(text, style="dim") for text in (name, *texts)))
    if about:
        table.add_row()
    for title, *cells in zip(titles, *(run.cells(beside=beside) for run in runs), strict=True):
        table.add_row(Text(title), *cells)
    return table


def _width(runs: Sequence[_Run], *, beside: bool) -> int:
    return sum(GAP + run.width(beside=beside) for run in runs)


def _longest(texts: Sequence[str]) -> int:
    return max(map(cell_len, texts), default=0)
