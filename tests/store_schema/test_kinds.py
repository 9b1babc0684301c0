"""What lies at a path, told by its files."""

import shutil
from pathlib import Path

import pytest

from xc.store_schema import RequestError, RunLayout
from xc.store_schema.kinds import kind_of, runs_in


def test_each_kind(store_path: Path, run: RunLayout) -> None:
    assert kind_of(store_path) == "store"
    assert kind_of(run.root) == "run"
    run.config.write_text("train: {}\n")
    assert kind_of(run.root.parent) == "runs"
    assert runs_in(run.root.parent) == [run.root]
    assert kind_of(run.checkpoint) == "checkpoint"
    assert kind_of(run.latents) == "latent table"


def test_a_run_that_has_only_begun(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("k: 3\n")
    assert kind_of(tmp_path) == "run"


def test_nothing_of_ours(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="there is nothing here"):
        kind_of(tmp_path / "absent")
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(RequestError, match="expected the folder of a store, a run, a checkp"):
            kind_of(path)


def test_runs_are_in_order_of_the_numbers_in_their_names(tmp_path: Path) -> None:
    names = ["d_sae=8,k=9", "d_sae=64,k=4", "d_sae=64,k=16", "k=2", "lr=1e-4", "lr=0.001", "of"]
    for name in reversed(names):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text("train: {}\n")
    assert [run.name for run in runs_in(tmp_path)] == names


def test_runs_further_down(run: RunLayout, tmp_path: Path) -> None:
    run.config.write_text("train: {}\n")
    folder = tmp_path / "v"
    for name in ("sweep/k=16", "sweep/k=4", ".hidden/k=1"):
        shutil.copytree(run.root, folder / name)
    shutil.copytree(run.root, folder / "sweep" / "k=4" / "nulls" / "identical" / "run")
    (folder / "again").symlink_to(folder, target_is_directory=True)
    assert kind_of(folder) == "runs"
    assert runs_in(folder) == [folder / "sweep" / "k=4", folder / "sweep" / "k=16"]
    assert runs_in(folder / "sweep") == runs_in(folder)
    shutil.copytree(run.root, folder / "alone")  # beside the sweep
    assert runs_in(folder) == [folder / name for name in ("alone", "sweep/k=4", "sweep/k=16")]
    assert runs_in(folder / "absent") == []


def test_the_evaluation_of_a_run_is_called_so(
    run: RunLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.evaluation.mkdir()
    (run.evaluation / "config.yaml").write_text("keep: []\n")
    run.summary.write_text("{}")
    with pytest.raises(RequestError, match=rf"the evaluation of {run.root}; give that folder"):
        kind_of(run.evaluation)
    monkeypatch.chdir(run.root)
    with pytest.raises(RequestError, match=r"the evaluation of \.; give that folder"):
        kind_of(Path("evaluation"))
