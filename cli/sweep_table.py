"""The evaluated runs of a sweep on one screen: a line for each, what differs first."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:  # the trainer's command needs no evaluator
    from xc.evaluate import Evaluation

_COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("fve", "fve", ".3f"),
    ("ce_recovered_{}", "recovered {}", ".3f"),
    ("l0", "l0", ".1f"),
    ("dead_fraction", "dead", ".1%"),
    ("n_shared", "shared", ",.0f"),
    ("n_{}_only", "{} only", ",.0f"),
    ("sharedness", "sharedness", ".3f"),
)
"""Keys of summary.json, heads and formats; one with {} stands for each source."""


def print_sweep(console: Console, evaluations: Sequence["Evaluation"]) -> None:
    """Nothing for a single run, whose numbers stand above."""
    if len(evaluations) > 1:
        names = _names([e.run.root for e in evaluations])
        summaries = (e.summary for e in evaluations)
        console.print(sweep_table(dict(zip(names, summaries, strict=True))))


def _names(runs: Sequence[Path]) -> list[str]:
    """Names of their folders; with those of the folders around where two have the same."""
    names = [run.name for run in runs]
    if len(set(names)) == len(names):
        return names
    top = os.path.commonpath(runs)
    return [run.relative_to(top).as_posix() for run in runs]


def sweep_table(summaries: Mapping[str, Mapping[str, Any]]) -> Table:
    """A line for each run, from its folder's name and what summary.json says of it."""
    table = Table(box=None, pad_edge=False)
    names = _settings(list(summaries))
    for head in names[0]:
        table.add_column(head)
    columns = columns_of(list(summaries.values()))
    for _, head, _ in columns:
        table.add_column(head, justify="right")
    for name, summary in zip(names, summaries.values(), strict=True):
        cells = (_cell(summary.get(key), form) for key, _, form in columns)
        table.add_row(*map(Text, name.values()), *cells)
    return table


def _settings(names: Sequence[str]) -> list[dict[str, str]]:
    """`k=32,seed=0` as k and seed where all runs are named by the same settings, else as `run`."""
    parted = [[part.partition("=") for part in name.split(",")] for name in names]
    fields = {tuple(field for field, _, _ in parts) for parts in parted}
    if len(fields) == 1 and all(equals for parts in parted for _, equals, _ in parts):
        return [{field: value for field, _, value in parts} for parts in parted]
    return [{"run": name} for name in names]


def columns_of(summaries: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Those that at least one run has a number for."""
    from xc.evaluate.letters import letter  # noqa: PLC0415  (as above)

    found = []
    for key, head, form in _COLUMNS:
        letters = [letter(m) for m in range(26)] if "{}" in key else [""]
        for name in letters:
            full = key.format(name)
            if any(summary.get(full) is not None for summary in summaries):
                found.append((full, head.format(name.upper()), form))
    return found


def _cell(value: Any, form: str) -> str:
    from xc.evaluate.report.numbers import in_form  # noqa: PLC0415  (as above)

    return "" if value is None else in_form(value, form)
