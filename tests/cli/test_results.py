"""The table that `xc evaluate` prints of more than two sources: pair by pair."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import planted
import pytest
from rich.console import Console

from xc.cli.results import print_evaluation, print_failure
from xc.evaluate import Evaluation
from xc.store_schema import RunLayout

PAIRS = {
    "sharedness_a_b": 0.9935, "sharedness_a_b_ci": [0.991, 0.996], "sharedness_a_c": 0.5,
    "sharedness_b_c": None, "alignment_adjusted_b_c": 0.25, "n_shared_a_b": 12345,
    "n_a_only_a_b": 678, "n_b_only_a_b": 90, "n_b_only_b_c": 21, "n_c_only_b_c": 43,
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunLayout:
    """Three sources with numbers made by hand."""
    truth = planted.make_truth(60 * 32, widths=(16, 16, 16))
    plan = planted.make_plan()
    store = planted.write_store(tmp_path / "acts.zarr", truth, plan)
    return planted.write_run(tmp_path / "run", planted.true_crosscoder(truth, store), store)


def printed(run: RunLayout, numbers: Mapping[str, object], *, width: int = 80) -> list[str]:
    run.evaluation.mkdir(exist_ok=True)
    run.summary.write_text(json.dumps({"l0": 3.0, "not_measured": {}, **numbers}))
    console = Console(width=width, file=io.StringIO())
    print_evaluation(console, Evaluation(run))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_three_sources_are_told_pair_by_pair(run: RunLayout) -> None:
    said = printed(run, PAIRS)
    rows = {line.split()[0]: line.split()[1:] for line in said if line[1:2] == "–"}
    assert rows == {
        "A–B": ["0.994", "0.991", "to", "0.996", "12,345", "678", "90"],
        "A–C": ["0.500"],
        "B–C": ["0.250", "21", "43"],
    }
    assert f"more of each pair: xc compare {run.root}" in said
    assert max(len(line) for line in said if str(run.root) not in line) <= 80
    words = " ".join(said)
    assert "sharedness" in words
    assert "…" not in words


def test_a_reconstruction_worse_than_the_mean_is_warned_of(run: RunLayout) -> None:
    said = printed(run, {"fve_a": -81.25, "fve_b": 0.4, "fve_c": -0.001})
    (line,) = (line for line in said if line.startswith("warning: "))
    assert "below 0 (A -81.250, C -0.001), worse than the mean row alone" in line
    assert not any(line.startswith("warning") for line in printed(run, {"fve_a": 0.0}))


def test_the_end_of_training_warns_likewise() -> None:
    console = Console(width=80, file=io.StringIO())
    print_failure(console, {"a": 0.9, "b": -2.0})
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().startswith("warning: variance explained is below 0 (B -2.000)")


def test_nothing_is_said_of_pairs_that_were_not_measured(run: RunLayout) -> None:
    for numbers in ({}, {"sharedness_a_b": None}):
        assert not any("pair by pair" in line for line in printed(run, numbers))
