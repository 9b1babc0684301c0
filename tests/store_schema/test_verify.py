"""One door for every kind of artefact."""

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
