"""The runs of a sweep side by side."""

import json
from io import StringIO
from pathlib import Path

from rich.console import Console

from xc.cli.evaluating import runs_at
from xc.cli.sweep_table import print_sweep, sweep_table
from xc.evaluate import Evaluation
from xc.store_schema import RunLayout

GOOD = {"fve": 0.9, "l0": 31.96, "dead_fraction": 0.125, "n_shared": 1024, "sharedness": 0.5}
PAIR = {**GOOD, "n_a_only": 3, "n_b_only": 0}


def lines(summaries: dict[str, dict[str, float | None]]) -> list[list[str]]:
    console = Console(width=100, record=True, file=StringIO())
    console.print(sweep_table(summaries))
    return [line.split() for line in console.export_text().splitlines()]


def test_what_differs_comes_first() -> None:
    head, *rows = lines({"k=32,seed=0": PAIR, "k=64,seed=0": {**PAIR, "fve": None}})
    assert head == [
        "k", "seed", "fve", "l0", "dead", "shared", "A", "only", "B", "only", "sharedness"
    ]  # fmt: skip
    assert rows[0] == ["32", "0", "0.900", "32.0", "12.5%", "1,024", "3", "0", "0.500"]
    assert rows[1] == ["64", "0", "32.0", "12.5%", "1,024", "3", "0", "0.500"]


def test_runs_of_other_names_go_by_them() -> None:
    head, *rows = lines({"k=32": PAIR, "[red]mine": PAIR})
    assert head[0] == "run"
    assert [row[0] for row in rows] == ["k=32", "[red]mine"]


def test_what_no_run_has_is_no_column() -> None:
    head, _ = lines({"one": GOOD})
    assert "only" not in head
    three, _ = lines({"three": {**PAIR, "n_c_only": 2}})
    assert three.count("only") == 3


def test_a_single_run_has_its_own_table() -> None:
    console = Console(record=True, file=StringIO())
    print_sweep(console, [])
    assert console.export_text() == ""


def test_runs_of_two_sweeps_with_the_same_names(tmp_path: Path) -> None:
    found = []
    for name in ("a/k=4", "b/k=4"):
        run = RunLayout(tmp_path / name)
        run.evaluation.mkdir(parents=True)
        run.config.write_text("train: {}\n")
        run.summary.write_text(json.dumps(PAIR))
        found.append(Evaluation(run))
    console = Console(width=100, record=True, file=StringIO())
    print_sweep(console, found)
    _, *rows = [line.split()[0] for line in console.export_text().splitlines()]
    assert rows == ["a/k=4", "b/k=4"]
    assert runs_at(tmp_path) == [e.run.root for e in found]
    assert runs_at(tmp_path / "a") == [found[0].run.root]
    assert runs_at(tmp_path / "absent") == [tmp_path / "absent"]
