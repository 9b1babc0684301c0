"""`xc inspect`: a description on one screen, or as JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from xc.cli.inspect_run import read_config, run_lines
from xc.cli.inspect_store import store_lines
from xc.cli.results import print_path
from xc.store_schema.derived import NO_LAYER
from xc.store_schema.describe import describe
from xc.store_schema.kinds import RUN, RUNS, STORE
from xc.store_schema.places import Place, place


def print_description(path: str | Place, *, as_json: bool, console: Console) -> None:
    """Say what lies at a path.

    Raises:
        RequestError: if nothing of xc lies there.
    """
    path = place(path)
    description = describe(path)
    config = read_config(path) if description["kind"] == RUN and isinstance(path, Path) else None
    if config is not None:
        description["config"] = config
    if as_json:
        console.print(json.dumps(description, indent=2), markup=False, highlight=False,
                      soft_wrap=True)  # fmt: skip
        return
    if description["kind"] == STORE:
        for line in store_lines(description):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        return
    if config is not None and isinstance(path, Path):
        for line in run_lines(path, description, config):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        return
    if description["kind"] == RUNS:
        console.print(_runs_table(description["runs"]))
        for name, of in description["runs"].items():
            if of["damaged"]:
                print_path(console, name, of["damaged"])
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for key, value in _flat(description):
        table.add_row(key, value)
    console.print(table)


def _runs_table(runs: dict[str, Any]) -> Table:
    """A line for each run: how far it is, what it has seen, what a validation found last."""
    table = Table(box=None, pad_edge=False)
    for name in ("run", "step", "unique rows", "mixing", "val/fve", "val/l0", "state"):
        table.add_column(name, justify="left" if name in ("run", "state") else "right")
    for name, of in runs.items():
        seen, last = of["stream"] or {}, of["training"] or {}
        figures = (seen.get("mixing"), last.get("val/fve"), last.get("val/l0"))
        table.add_row(
            name,
            _text(last.get("step", 0)),
            _text(seen.get("unique_rows", "")),
            *("" if figure is None else f"{figure:.4g}" for figure in figures),
            _state(of),
        )
    return table


def _state(of: Mapping[str, Any]) -> str:
    """A damaged checkpoint is told before anything that was made of it."""
    if of["damaged"]:
        return "damaged"
    return "evaluated" if of["evaluated"] else "trained" if of["finished"] else "underway"


def _text(value: Any) -> str:
    """Whole numbers with thousands separated, truth in words, the rest as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as dotted names and text."""
    lines: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            lines += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for i, item in enumerate(value):
                lines += _flat(item, f"{prefix}{key}[{i}].")
        elif key == "layer" and value == NO_LAYER:
            lines.append((prefix + key, "none"))
        else:
            lines.append((prefix + key, _text(value)))
    return lines
