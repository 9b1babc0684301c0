"""A run that is not at its end says so, wherever its crosscoder is asked for."""

import shutil
from pathlib import Path

import pytest
from training import short
from typer.testing import CliRunner

from xc.cli.main import build_app
from xc.store_schema import ActivationStore, RequestError, RunLayout, Silent
from xc.train import Crosscoder, train
from xc.train.unfinished import refuse_unfinished


@pytest.fixture
def unfinished(planted_store: ActivationStore, tmp_path: Path) -> RunLayout:
    """As a kill leaves it before anything is published: 5 of 6 steps, and 6, are saved."""
    run = RunLayout(tmp_path / "run")
    config = short(tokens=6 * 64, d_sae=16)
    train(config, store=planted_store, run=run, progress=Silent())
    for published in (run.checkpoint, run.latents, run.state / "step-000000000006"):
        shutil.rmtree(published)
    return run


def test_it_says_how_far_it_is_and_how_to_go_on(unfinished: RunLayout) -> None:
    says = r"run: this run is not finished \(step 5 of 6 is saved\); run the same `xc train` again"
    with pytest.raises(RequestError, match=says):
        Crosscoder.from_pretrained(unfinished.root)
    done = CliRunner().invoke(build_app(["evaluate"]), ["evaluate", "--run", str(unfinished.root)])
    assert done.exit_code == 2
    assert "step 5 of 6" in done.stderr
    assert done.stderr.count("\n") == 1


def test_before_the_first_save_and_with_a_damaged_one(unfinished: RunLayout) -> None:
    (unfinished.state / "step-000000000005" / "state.json").write_text("{")
    with pytest.raises(RequestError, match="is not finished; run"):
        refuse_unfinished(unfinished.root)
    shutil.rmtree(unfinished.state)
    with pytest.raises(RequestError, match=r"\(step 0 of 6 is saved\)"):
        refuse_unfinished(unfinished.root)


def test_an_import_that_was_cut_short(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("import: {format: becker}\n")
    with pytest.raises(RequestError, match="run the same `xc import` again"):
        refuse_unfinished(tmp_path)


def test_what_is_no_run_passes(tmp_path: Path, planted_run: RunLayout) -> None:
    refuse_unfinished(planted_run.root)
    refuse_unfinished(tmp_path / "absent")
    (tmp_path / "config.yaml").write_text("a: [")
    refuse_unfinished(tmp_path)


def test_a_folder_of_runs_names_them(planted_store: ActivationStore, tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    for name in ("k=4", "k=8"):
        run = RunLayout(folder / name)
        train(short(tokens=64, d_sae=16), store=planted_store, run=run, progress=Silent())
    says = "sweep: this folder holds 2 runs, no crosscoder; give one of them: k=4, k=8$"
    with pytest.raises(RequestError, match=says):
        Crosscoder.from_pretrained(folder)
    assert Crosscoder.from_pretrained(folder / "k=8").d_sae == 16
    shutil.rmtree(folder / "k=4" / "checkpoint")
    with pytest.raises(RequestError, match="give one of them: k=4, k=8"):
        Crosscoder.from_pretrained(folder)
    with pytest.raises(RequestError, match=r"holds 2 runs, .*: sweep/k=4, sweep/k=8$"):
        Crosscoder.from_pretrained(tmp_path)
