"""`xc latents` and `xc compare` as typed, on an evaluated run."""

import csv
import json
import shutil
from pathlib import Path

import planted
import pytest
from measured import Case
from typer.testing import CliRunner, Result

from xc.cli.main import build_app
from xc.evaluate import Evaluation


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    root = tmp_path_factory.mktemp("tables")
    plan = planted.make_plan(n_sequences=60)
    truth = planted.make_truth(plan.n_rows, widths=(16, 16))
    store = planted.write_store(root / "acts.zarr", truth, plan, noise=0.2)
    checkpoint = planted.true_crosscoder(truth, store)
    run = planted.write_run(root / "run", checkpoint, store)
    return Case(truth, store, checkpoint, run).evaluate()


def typed(*words: object) -> Result:
    return CliRunner().invoke(build_app([str(words[0])]), list(map(str, words)))


def test_lists_latents_with_their_text(evaluation: Evaluation):
    done = typed("latents", evaluation.run.root, "--class", "b_only", "--sort", "nu_error")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["latent", "class"]
    assert "fires on" in lines[0]
    frame = evaluation.latents.to_pandas()
    ordered = frame[frame["class"] == "b_only"].sort_values("nu_error")["latent"].tolist()
    assert [int(line.split()[0]) for line in lines[1:-1]] == ordered[:20]
    assert lines[-1] == f"{min(20, len(ordered))} of {len(frame)} latents"


def test_prints_latents_for_machines(evaluation: Evaluation):
    done = typed(
        "latents", evaluation.run.root, "--json", "--limit", 0, "--columns", "norm_a,cosine"
    )
    found = json.loads(done.stdout)
    table = evaluation.latents.to_arrow().select(["latent", "norm_a", "cosine"])
    assert found == table.to_pylist()


def test_every_column_can_be_asked_for(evaluation: Evaluation):
    done = typed("latents", evaluation.run.root, "--json", "--columns", "all", "--limit", 1)
    assert list(json.loads(done.stdout)[0]) == evaluation.latents.to_arrow().column_names


def test_a_wrong_column_is_one_line(evaluation: Evaluation):
    done = typed("latents", evaluation.run.root, "--sort", "frequncy")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "did you mean 'frequency'" in done.stderr


def test_a_run_that_was_not_evaluated_is_refused(tmp_path: Path):
    for command in ("latents", "compare"):
        done = typed(command, tmp_path)
        assert done.exit_code == 2
        assert "run `xc evaluate --run" in done.stderr


def test_compares_runs_and_writes_page_and_table(evaluation: Evaluation, tmp_path: Path):
    for name in ("one", "two"):
        shutil.copytree(evaluation.run.root, tmp_path / name)
    done = typed("compare", tmp_path / "one", tmp_path / "two")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].split() == ["one", "two"]
    assert "<table" in (tmp_path / "comparison.html").read_text(encoding="utf-8")
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["one", "two"]
    assert float(rows[0]["sharedness"]) == evaluation.summary["sharedness"]


def test_a_folder_of_runs_is_all_of_them(evaluation: Evaluation, tmp_path: Path):
    for name in ("k=8", "k=4"):
        shutil.copytree(evaluation.run.root, tmp_path / name)
        (tmp_path / name / "config.yaml").write_text("train: {}\n")
    done = typed("compare", tmp_path, "--out", tmp_path / "out", "--metrics", "l0")
    assert done.stdout.splitlines()[0].split() == ["k=4", "k=8"]
    assert (tmp_path / "out" / "comparison.html").is_file()
