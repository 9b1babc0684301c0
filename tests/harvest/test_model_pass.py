"""What goes wrong underway: NaN, memory, disk; whole shards stay, and the same command goes on."""

import errno
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_harvest import contents, run, save_model

from xc.harvest import model_pass
from xc.store_schema import ActivationStore, NumericalError, RequestError, StoreWriter, XcError


@pytest.fixture
def folder(tmp_path):
    save_model(tmp_path / "m", "gpt2")
    return tmp_path / "m"


def poison(folder, *, position):
    """Make one position embedding infinite, so that only long sequences go wrong."""
    tensors = load_file(folder / "model.safetensors")
    tensors["transformer.wpe.weight"][position] = float("inf")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def test_not_finite(folder, tmp_path):
    poison(folder, position=20)
    with pytest.raises(NumericalError, match=r"layer 0, sequence \d+, position 20, row") as told:
        run(tmp_path / "a", ("0", "1"), [folder])
    assert "m@0" in str(told.value)
    with pytest.raises(RequestError, match="incomplete"):
        ActivationStore.open(tmp_path / "a")


def test_out_of_memory(folder, tmp_path, monkeypatch):
    calls = []

    def third_fails(*args, **how):
        calls.append(1)
        if len(calls) == 3:
            raise torch.OutOfMemoryError("no")
        return read(*args, **how)

    read = model_pass.read_residuals
    monkeypatch.setattr(model_pass, "read_residuals", third_fails)
    with pytest.raises(XcError, match="smaller --batch-size") as told:
        run(tmp_path / "a", ("1",), [folder])
    assert told.value.exit_status == 1
    assert run(tmp_path / "a", ("1",), [folder], batch_size=2).rows == 700


def test_a_full_disk(folder, tmp_path, monkeypatch):
    run(tmp_path / "whole", ("1",), [folder])
    write = StoreWriter.write_shard

    def full(self, key, index, rows):
        if index == 3:
            raise XcError("shard 3 could not be written") from OSError(errno.ENOSPC, "full")
        write(self, key, index, rows)

    monkeypatch.setattr(StoreWriter, "write_shard", full)
    with pytest.raises(XcError, match="shard 3"):
        run(tmp_path / "a", ("1",), [folder])
    monkeypatch.undo()
    assert StoreWriter.open(tmp_path / "a").missing("m@1") == [3, 4, 5]
    assert run(tmp_path / "a", ("1",), [folder]).written == 3
    assert contents(tmp_path / "a") == contents(tmp_path / "whole")


def test_only_batches_with_missing_rows_are_run(folder, tmp_path, monkeypatch):
    run(tmp_path / "a", ("1", "2"), [folder])
    store = ActivationStore.open(tmp_path / "a")
    Path(store.shard_path("m@2", 1)).unlink()
    seen = []
    read = model_pass.read_residuals

    def spy(*args, layers, **how):
        seen.append(list(layers))
        return read(*args, layers=layers, **how)

    monkeypatch.setattr(model_pass, "read_residuals", spy)
    assert run(tmp_path / "a", ("1", "2"), [folder]).written == 1
    assert {tuple(layers) for layers in seen} == {(2,)}
    assert 1 <= len(seen) <= 4
