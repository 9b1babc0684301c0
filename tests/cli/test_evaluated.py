"""What is said of a folder that is no evaluated run."""

from pathlib import Path

import planted
import pytest
from typer.testing import CliRunner

from xc.cli.evaluated import evaluated_run, evaluated_runs
from xc.cli.main import build_app
from xc.store_schema import RequestError, RunLayout


def finished(root: Path) -> Path:
    """As far as these functions look."""
    run = RunLayout(root)
    run.checkpoint.mkdir(parents=True)
    run.evaluation.mkdir()
    run.config.write_text("train: {}\n")
    run.evaluation_config.write_text("seed: 0\n")
    run.summary.write_text("{}")
    return root


def begun(root: Path) -> Path:
    root.mkdir(parents=True)
    (root / "config.yaml").write_text("train: {tokens: 640, batch_size: 64}\n")
    return root


def test_a_run_and_its_evaluation_are_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished(tmp_path / "runs" / "x")
    for path in (run, run / "evaluation"):
        assert evaluated_run(path) == run
        assert evaluated_runs(path) == [run]
    monkeypatch.chdir(run / "evaluation")
    assert evaluated_run(Path()) == run


def test_a_sweep_is_all_its_runs_or_one_is_to_be_named(tmp_path: Path) -> None:
    sweep = tmp_path / "sizes"
    runs = [finished(sweep / f"k={k}") for k in (8, 16)]
    for folder in (sweep, tmp_path):
        assert evaluated_runs(folder) == runs
        with pytest.raises(RequestError, match=f"of runs; name one: {runs[0]}, {runs[1]}$"):
            evaluated_run(folder)
    alone = finished(tmp_path / "alone")  # beside the sweep
    assert evaluated_runs(tmp_path) == [alone, *runs]
    begun(sweep / "k=9")
    with pytest.raises(RequestError, match="k=9: this run is not finished"):
        evaluated_runs(sweep)


@pytest.mark.parametrize("command", ["latents", "compare"])
def test_what_is_no_run_is_said_on_one_line(command: str, tmp_path: Path) -> None:
    plan = planted.make_plan(n_sequences=4)
    planted.write_store(tmp_path / "acts.zarr", planted.make_truth(plan.n_rows), plan)
    begun(tmp_path / "begun")
    for name, says in (
        ("nope", "there is nothing here"),
        ("acts.zarr", "this is a store; name the folder of a run"),
        (
            "begun",
            "this run is not finished (step 0 of 10 is saved); run the same `xc train` again",
        ),
    ):
        words = [command, str(tmp_path / name)]
        done = CliRunner().invoke(build_app(words), words)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr == f"xc: {tmp_path / name}: {says}\n"
