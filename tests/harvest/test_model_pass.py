"""What goes wrong underway: NaN, memory, disk; whole shards stay, and the same command goes on."""

import errno
from pathlib import Path

import numpy as np
import pytest
import torch
from folders import contents
from safetensors.torch import load_file, save_file
from tiny_harvest import run, save_model

from xc.harvest import model_pass, resolve_models
from xc.harvest.model_pass import LoadedModel, run_pass
from xc.harvest.models import describe_model, load_model
from xc.harvest.rows import StoredText
from xc.harvest.sites import resolve_site
from xc.store_schema import (
    ActivationStore,
    NumericalError,
    RequestError,
    Silent,
    StoreWriter,
    XcError,
)


class Notes(Silent):
    """Keeps what it is told."""

    def __init__(self):
        self.lines = []

    def note(self, text):
        self.lines.append(text)


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


def test_not_finite_inside_a_block(folder, tmp_path):
    poison(folder, position=20)
    told = r"m@0.mlp_out: .* output of transformer.h.0.mlp of m, .* sequence \d+, position \d+"
    with pytest.raises(NumericalError, match=told):
        run(tmp_path / "a", ("0.mlp_out",), [folder])


def test_sites_of_all_kinds_in_one_pass(folder, tmp_path):
    paths = {
        "m@0.attn_out": "transformer.h.0.attn",
        "m@1.mlp_out": "transformer.h.1.mlp",
        "m@transformer.h.1.mlp.c_fc": "transformer.h.1.mlp.c_fc",
        "m@3": "transformer.h.2",
    }
    spelled = ("blocks.0.hook_attn_out", "h.1.mlp", "h.1.mlp.c_fc", "transformer.h.2")
    run(tmp_path / "a", spelled, [folder], codec="fp32")
    store = ActivationStore.open(tmp_path / "a")
    assert [s.key for s in store.sources] == [*paths]
    assert [s.site for s in store.sources] == ["attn_out", "mlp_out", "module", "residual"]
    assert [s.d_model for s in store.sources] == [32, 32, 128, 32]
    (ref,) = resolve_models([str(folder)])
    module = load_model(
        describe_model(ref, blocks=None), dtype=torch.float32, device=torch.device("cpu")
    )
    first = int(np.asarray(store.rows.sequence[0]))
    seen = {}
    for key, path in paths.items():

        def keep(m, args, out, key=key):
            seen[key] = (out[0] if isinstance(out, tuple) else out)[0].numpy()

        module.get_submodule(path).register_forward_hook(keep)
    with torch.inference_mode():
        module(input_ids=torch.from_numpy(store.sequences.tokens(first).astype(np.int64))[None])
    rows = slice(*(int(store.sequences.row_offsets[first + i]) for i in (0, 1)))
    for key in paths:
        expected = seen[key][np.asarray(store.rows.position[rows])]
        found = store.activations(key)[rows]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def holding(monkeypatch, most):
    """A device whose memory holds `most` sequences at once; the sizes that were tried."""
    tried = []
    read = model_pass.read_sites

    def limited(*args, input_ids, **how):
        tried.append(len(input_ids))
        if len(input_ids) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return read(*args, input_ids=input_ids, **how)

    monkeypatch.setattr(model_pass, "read_sites", limited)
    return tried


def test_out_of_memory_runs_halves(folder, tmp_path, monkeypatch):
    run(tmp_path / "whole", ("1",), [folder], batch_size=8, codec="fp32")
    told = Notes()
    tried = holding(monkeypatch, 2)
    run(tmp_path / "a", ("1",), [folder], batch_size=8, codec="fp32", progress=told)
    whole, halved = (ActivationStore.open(tmp_path / name) for name in ("whole", "a"))
    assert (whole.rows.token_id[:] == halved.rows.token_id[:]).all()
    np.testing.assert_allclose(
        halved.activations("m@1")[:], whole.activations("m@1")[:], rtol=1e-4, atol=1e-5
    )
    assert any("do not fit into memory" in line for line in told.lines)
    assert sum(n > 2 for n in tried) < sum(n <= 2 for n in tried)


def test_out_of_memory_on_one_sequence(folder, tmp_path, monkeypatch):
    holding(monkeypatch, 0)
    with pytest.raises(XcError, match=r"single sequence of .* smaller --seq-len") as told:
        run(tmp_path / "a", ("1",), [folder])
    assert told.value.exit_status == 1
    monkeypatch.undo()
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
    read = model_pass.read_sites

    def spy(model, sites, **how):
        seen.append(tuple(sites))
        return read(model, sites, **how)

    monkeypatch.setattr(model_pass, "read_sites", spy)
    assert run(tmp_path / "a", ("1", "2"), [folder]).written == 1
    assert {*seen} == {("m@2",)}
    assert 1 <= len(seen) <= 4


def pass_over(folder, store, *, layer, **how):
    """One pass for a source, into a store that lacks shards of it."""
    (ref,) = resolve_models([str(folder)])
    described = describe_model(ref, blocks=None)
    module = load_model(described, dtype=torch.float32, device=torch.device("cpu"))
    sites = {f"m@{layer}": resolve_site(layer, described.stack)}
    loaded = LoadedModel("m", module, torch.device("cpu"), sites)
    text = StoredText(ActivationStore.open(store, allow_incomplete=True), budget=72)
    return run_pass(loaded, text, StoreWriter.open(store), codec="bf16", progress=Silent(), **how)


def lacking(store, key, indices):
    for index in indices:
        Path(ActivationStore.open(store, allow_incomplete=True).shard_path(key, index)).unlink()


def test_a_pass_may_be_restricted_to_shards(folder, tmp_path):
    run(tmp_path / "a", ("1",), [folder])
    before = contents(tmp_path / "a")
    lacking(tmp_path / "a", "m@1", range(6))
    for part, left in (([0, 4], [1, 2, 3, 5]), ([5], [1, 2, 3]), ([0], [1, 2, 3])):
        pass_over(folder, tmp_path / "a", layer="1", shards={"m@1": part})
        assert StoreWriter.open(tmp_path / "a").missing("m@1") == left
    assert pass_over(folder, tmp_path / "a", layer="1", shards={}) == 0
    assert pass_over(folder, tmp_path / "a", layer="1") == 3
    assert contents(tmp_path / "a") == before


def test_known_rows_are_not_run_again(folder, tmp_path, monkeypatch):
    run(tmp_path / "a", ("1",), [folder])
    before = contents(tmp_path / "a")
    store = ActivationStore.open(tmp_path / "a")
    rows = np.asarray(store.activations("m@1")[512:640])
    lacking(tmp_path / "a", "m@1", [4])
    tried = holding(monkeypatch, 99)
    known = {"m@1": {4: rows[:120]}}
    assert pass_over(folder, tmp_path / "a", layer="1", known=known) == 1
    assert contents(tmp_path / "a") == before
    assert len(tried) <= 2
