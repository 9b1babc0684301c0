"""The tables that `xc null` prints: each control beside the run, and what follows."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from xc.cli.null_subject import how_evaluated
from xc.cli.results import print_path
from xc.evaluate import Evaluation
from xc.evaluate.nulls.conditions import (
    IDENTICAL,
    PERMUTED,
    PLANTED,
    SEEDS,
    STALE,
    fitting,
    has_other_l0,
    of_seeds,
    remarks,
    with_keep,
)
from xc.evaluate.nulls.results import read_entries
from xc.evaluate.report.numbers import NONE, in_form

COUNTS = (
    ("latents active per token", "l0", ".1f"),
    ("variance explained", "fve", ".3f"),
    ("shared latents", "n_shared", ",d"),
    ("A-only latents", "n_a_only", ",d"),
    ("B-only latents", "n_b_only", ",d"),
    ("other latents", "n_other", ",d"),
    ("dead latents", "n_dead", ",d"),
    ("sharedness", "sharedness", ".3f"),
    ("alignment above chance", "alignment_adjusted", ".3f"),
)
ESTIMATES = (
    ("estimated false among A only", "fdr_a_only"),
    ("estimated false among B only", "fdr_b_only"),
    ("estimated false among shared", "fdr_shared"),
)
CLASSES = (("shared", "shared"), ("A only", "a_only"), ("B only", "b_only"))


def print_nulls(console: Console, done: Evaluation) -> None:
    """All controls that were made so far and fit the evaluation."""
    made = read_entries(done.run)
    keep = how_evaluated(done.run).get("keep")
    entries = fitting(done.summary, with_keep(made, keep))
    names = {IDENTICAL: "A against A", PERMUTED: "B permuted"}
    beside = {name: entries[kind] for kind, name in names.items() if kind in entries}
    beside |= {f"seed {seed}": found for seed, found in of_seeds(entries.get(SEEDS, {})).items()}
    if beside:
        console.print(_counts(done.summary, beside))
    for words, key in ESTIMATES:
        if done.summary.get(key) is not None:
            low, high = done.summary[f"{key}_ci"]
            share, low, high = (in_form(v, ".1%") for v in (done.summary[key], low, high))
            line = f"{share} ({low} to {high})"
            print_path(console, words, line)
    if SEEDS in entries:
        console.print(_seeds(entries[SEEDS]))
    if PLANTED in entries:
        console.print(_planted(entries[PLANTED]))
    for sentence in remarks(done.summary, entries):
        print_path(console, "note", sentence)
    for kind in (kind for kind in made if kind not in entries):
        print_path(console, f"left out, {kind}", STALE.replace("RUN", str(done.run.root)))
    print_path(console, "numbers", done.run.nulls_json.resolve())
    if done.run.report.is_file():
        print_path(console, "a page for each", done.run.report.resolve())


def _counts(summary: Mapping[str, Any], beside: Mapping[str, Mapping[str, Any]]) -> Table:
    table = _table("", "this run", *beside)
    others = [has_other_l0(summary, found) for found in beside.values()]
    for words, key, form in COUNTS:
        cells = [found.get(key) for found in (summary, *beside.values())]
        marks = ["", *(" ≠" * (key == "l0" and apart) for apart in others)]
        table.add_row(words, *(_number(v, form) + m for v, m in zip(cells, marks, strict=True)))
    return table


def _seeds(entry: Mapping[str, Any]) -> Table:
    seeds = ", ".join(map(str, entry["seeds"]))
    table = _table(
        f"found again by seeds {seeds}", "cosine > 0.7", "> 0.9", "in any class", "by chance"
    )
    for words, name in CLASSES:
        suffixes = ("", "_strict", "_anywhere", "_chance")
        cells = [entry[f"reproduced_{name}{suffix}"] for suffix in suffixes]
        table.add_row(words, *(_number(value, ".1%") for value in cells))
    return table


def _planted(entry: Mapping[str, Any]) -> Table:
    table = _table("planted directions", "there", "found", "false", "false where all is shared")
    for (words, name), number in zip(CLASSES, entry["directions"], strict=True):
        found = _number(entry[f"recall_{name}"], ".0%")
        false = [_number(entry[f"{prefix}false_{name}"], ",d") for prefix in ("", "none_")]
        table.add_row(words, f"{number}", found, *false)
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _number(value: Any, form: str) -> str:
    return NONE if value is None else in_form(value, form)
