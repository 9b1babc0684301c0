"""What a command says is next, and what is said where there is no store."""

from pathlib import Path

import planted
import pytest
from rich.console import Console
from typer.testing import CliRunner

from xc.cli.main import build_app
from xc.cli.next_steps import (
    after_evaluating,
    after_harvest,
    after_import,
    after_training,
    print_next,
)
from xc.cli.pipeline_file import Pipeline
from xc.store_schema import RunLayout

DEFAULT = Pipeline()
FILE = Pipeline(path=Path("of mine.yaml"), store=Path("x.zarr"), run=Path("runs/x"))


def test_what_goes_without_saying_is_left_out() -> None:
    assert after_harvest(DEFAULT, Path("acts.zarr")) == "xc train"
    assert after_harvest(DEFAULT, "s3://b/x.zarr") == "xc train --store s3://b/x.zarr"
    assert after_harvest(FILE, Path("x.zarr")) == "xc train --config 'of mine.yaml'"
    assert after_training(DEFAULT, Path("runs/default")) == "xc evaluate"
    assert after_training(DEFAULT, Path("runs/a b")) == "xc evaluate --run 'runs/a b'"


def test_one_run_is_looked_at_and_several_compared() -> None:
    sweep = Path("runs/s")
    assert after_evaluating(sweep, [sweep]).startswith("xc latents runs/s, or")
    assert after_evaluating(sweep, [sweep / "k=1", sweep / "k=2"]) == "xc compare runs/s"


def test_an_import_is_evaluated_once_it_is_encoded() -> None:
    assert after_import(Path("runs/x"), encoded=True) == "xc evaluate --run runs/x"
    assert "--store STORE" in after_import(Path("runs/x"), encoded=False)


def test_it_is_one_line_on_a_narrow_screen(capsys: pytest.CaptureFixture[str]) -> None:
    print_next(Console(width=20), "xc train --store [bold]/a/long/path.zarr")
    assert capsys.readouterr().out == "next: xc train --store [bold]/a/long/path.zarr\n"


@pytest.mark.parametrize(
    "words", [["train", "--store", "no.zarr"], ["train", "--store", "no.zarr", "--sweep", "k=1,2"]]
)
def test_without_a_store_training_says_how_one_is_made(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(build_app(words), words)
    assert done.exit_code == 2
    assert done.stderr == (
        "xc: no.zarr: expected an activation store, found nothing; `xc harvest` makes one; --store "
        "names another\n"
    )


def test_training_and_evaluating_say_what_is_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = planted.make_plan(n_sequences=20)
    planted.write_store(tmp_path / "acts.zarr", planted.make_truth(plan.n_rows), plan)
    train = ["train", "--d-sae", "12", "--k", "2", "--batch-size", "64", "--tokens", "256",
             "--run", "runs/x", "--device", "cpu"]  # fmt: skip
    done = CliRunner().invoke(build_app(train), train)
    assert done.stdout.endswith("\nnext: xc evaluate --run runs/x\n")
    evaluate = ["evaluate", "--run", "runs/x", "--metrics", "fve", "--no-report"]
    done = CliRunner().invoke(build_app(evaluate), evaluate)
    assert RunLayout(Path("runs/x")).summary.exists(), done.stderr
    assert "\nnext: xc latents runs/x" in done.stdout
