"""A run whose store has grown since: every command that refuses says so, and what to do."""

import shutil
from dataclasses import replace
from pathlib import Path

import planted
import pytest
import yaml
from growing import grow
from typer.testing import CliRunner

from xc.cli.main import build_app
from xc.store_schema import ActivationStore, RunLayout, to_mapping
from xc.store_schema.grown import WHAT_TO_DO
from xc.train import TrainConfig

TRAIN = {
    "d_sae": 18, "k": 2, "tokens": 640, "batch_size": 64, "device": "cpu", "lr": 1e-3,
    "window_mb": 1, "dead_after_tokens": 64,
}  # fmt: skip


def refused(*words: str) -> str:
    done = CliRunner().invoke(build_app(words), list(words))
    assert done.exit_code == 2, done.output
    return done.stderr


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, _planted: Path, _planted_run: Path) -> Path:
    """A pipeline.yaml, and beside it a run as `xc train` left it before its store grew."""
    folder = tmp_path_factory.mktemp("grown")
    store = Path(shutil.copytree(_planted, folder / "acts.zarr"))
    run = RunLayout(shutil.copytree(_planted_run, folder / "run"))
    config = TrainConfig.resolve({**TRAIN, "sources": planted.KEYS})
    values = {"store": str(store), "train": to_mapping(config)}
    run.config.write_text(yaml.safe_dump(values), encoding="utf-8")
    grow(store)
    text = {"store": str(store), "run": str(run.root), "train": TRAIN}
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    return folder / "pipeline.yaml"


@pytest.mark.parametrize("command", ["train", "evaluate", "evaluate --ce", "null"])
def test_it_is_told(command: str, file: Path) -> None:
    told = refused(*command.split(), "--config", str(file))
    store = file.parent / "acts.zarr"
    assert f"{store} held 1,920 rows then and has grown to 2,184 since (" in told
    assert f"makes the old one again); {WHAT_TO_DO}" in told


def test_a_wrong_model_is_told_and_no_growth(file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    asked = {"models": [f"{tmp_path}/empty"], "layers": ["1"], "tokens": 4000}
    text = {"store": str(file.parent / "acts.zarr"), "harvest": asked}
    (tmp_path / "pipeline.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    (told,) = refused("run", "--config", str(tmp_path / "pipeline.yaml")).splitlines()
    assert told.startswith("xc: model 'empty': no config.json in")


def test_an_import_is_to_be_encoded_again(
    truth: planted.Truth, planted_store: ActivationStore, tmp_path: Path
) -> None:
    own = planted.true_crosscoder(truth, planted_store)
    run = planted.write_run(tmp_path / "run", replace(own, store_fingerprint=None), planted_store)
    grow(planted_store.path)
    told = refused("evaluate", "--run", str(run.root), "--store", str(planted_store.path))
    assert "makes the old one again); give that store, or run the same" in told
    assert "`xc import` again" in told
