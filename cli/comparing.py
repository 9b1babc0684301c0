"""A comparison in the terminal, and its files."""

from pathlib import Path

import pyarrow.csv
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xc.evaluate.comparison import Comparison, comparison_page
from xc.evaluate.comparison.columns import Column
from xc.evaluate.comparison.entry import Entry
from xc.evaluate.comparison.matrix import layers_text
from xc.evaluate.report.numbers import interval, number
from xc.store_schema import RequestError, atomic_path, atomic_write

NAME = "comparison"


def print_comparison(console: Console, comparison: Comparison) -> None:
    """One column per run, one line per number: runs are few, numbers many."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for entry in comparison.entries:
        table.add_column(Text(entry.run), justify="right")
    table.add_row("models", *(Text(e.models) for e in comparison.entries))
    table.add_row("layers", *(layers_text(e) for e in comparison.entries))
    for name, values in comparison.settings.items():
        table.add_row(Text(name, style="dim"), *(Text(str(v), style="dim") for v in values))
    for column in comparison.columns:
        table.add_row(column.title, *(_cell(comparison, e, column) for e in comparison.entries))
    console.print(table)
    for caveat in comparison.caveats:
        console.print(Text(f"note: {caveat}", style="yellow"), soft_wrap=True)


def _cell(comparison: Comparison, entry: Entry, column: Column) -> Text:
    cell = comparison.cell(entry, column)
    mark = " ≠" if comparison.mark(entry, column) else ""
    text = Text(number(cell.value, column.style) + mark)
    bounds = interval(cell.bounds, column.style)
    return text.append(f"\n{bounds}", style="dim") if bounds else text


def write_comparison(comparison: Comparison, *, folder: Path) -> tuple[Path, Path]:
    """Write comparison.html and comparison.csv; equal inputs, equal bytes.

    Raises:
        RequestError: if the folder cannot be made, or nothing be written there.
    """
    page, table = folder / f"{NAME}.html", folder / f"{NAME}.csv"
    doing = "make this folder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        doing = "write there"
        atomic_write(page, comparison_page(comparison))
        with atomic_path(table) as aside:
            pyarrow.csv.write_csv(comparison.to_arrow(), aside)
    except OSError as error:
        why = error.strerror or error
        raise RequestError(f"--out {folder}: cannot {doing} ({why}); name another") from error
    return page, table
