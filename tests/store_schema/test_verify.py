"""One door for every kind of artefact."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from xc.store_schema import RequestError, RunLayout
from xc.store_schema.verify import verify, verify_run, verify_store


def test_whole_artefacts_have_no_problems(store_path: Path, run: RunLayout) -> None:
    for path in (store_path, run.root, run.checkpoint, run.latents):
        assert verify(path) == []
        assert verify(str(path)) == []
    assert verify_store(store_path) == verify_run(run.root) == []


def test_a_checkpoint_on_its_own(run: RunLayout) -> None:
    tensors = load_file(run.checkpoint / "crosscoder.safetensors")
    save_file(tensors | {"b_enc": tensors["b_enc"] * np.float32(np.nan)},
              run.checkpoint / "crosscoder.safetensors")  # fmt: skip
    (problem,) = verify(run.checkpoint)
    assert "b_enc holds NaN" in problem.what


def test_a_table_on_its_own(run: RunLayout) -> None:
    part = next(run.latents.iterdir())
    part.write_bytes(part.read_bytes()[:-9])
    (problem,) = verify(run.latents)
    assert problem.file == part.name


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="nothing here"):
        verify(tmp_path / "absent")


def test_runs_of_nested_sweeps_are_checked_too(run: RunLayout, tmp_path: Path) -> None:
    folder = tmp_path / "v"
    for name in ("default", "sweep/k=4", "sweep/k=8"):
        shutil.copytree(run.root, folder / name)
    assert verify(folder) == []
    file = folder / "sweep" / "k=8" / "checkpoint" / "crosscoder.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    for path, name in ((folder, "sweep/k=8"), (folder / "sweep", "k=8")):
        (problem,) = verify(path)
        assert problem.file == f"{name}/checkpoint/crosscoder.safetensors"
        assert problem.what.startswith("not a readable safetensors file")
