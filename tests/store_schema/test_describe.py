"""Descriptions: JSON of any artefact, whole or not."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    DamageError,
    LatentTable,
    RequestError,
    RunLayout,
    StoreWriter,
    XcError,
)
from xc.store_schema.describe import describe


def described(path: Path) -> dict[str, Any]:
    """The description, after a way through strict JSON."""
    found = describe(path)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def test_a_store(store: ActivationStore) -> None:
    found = described(store.path)
    assert found["kind"] == "store"
    assert found["complete"] is True
    assert found["rows"] == {"train": 128, "heldout": 32}
    assert found["fingerprint"] == store.fingerprint
    first = found["sources"][0]
    assert (first["key"], first["stored_as"], first["shards_on_disk"]) == ("alpha@1", "bfloat16", 3)
    assert first["statistics"]["mean_norm"] == store.statistics("alpha@1").mean_norm
    files = [p for p in store.path.rglob("*") if p.is_file()]
    assert found["bytes"] == sum(p.stat().st_size for p in files)


def test_an_incomplete_store_shows_what_is_there(unfinished: StoreWriter) -> None:
    unfinished.write_shard("beta@2", 1, np.ones((64, 16), np.float32))
    found = described(unfinished.path)
    assert found["complete"] is False
    shards = [(s["shards_on_disk"], s["shards_missing"]) for s in found["sources"]]
    assert shards == [(0, 3), (1, 2)]
    assert found["sources"][1]["statistics"] is None


def test_a_store_without_sources_yet(tmp_path: Path, plan) -> None:  # type: ignore[no-untyped-def]
    StoreWriter.create(tmp_path / "s.zarr", plan)
    assert described(tmp_path / "s.zarr")["sources"] == []


def test_a_checkpoint(run: RunLayout) -> None:
    checkpoint = Checkpoint.load(run.checkpoint)
    found = described(run.checkpoint)
    assert found["kind"] == "checkpoint"
    assert found["d_sae"] == 18
    assert found["fingerprint"] == checkpoint.fingerprint
    assert found["tensors"]["W_enc_0"] == [16, 18]
    assert found["parameters"] == 2 * (16 * 18 * 2 + 16) + 18
    assert found["activation_fn"] == {"name": "batch_topk", "k": 2}


def test_a_latent_table(run: RunLayout) -> None:
    table = LatentTable.open(run.latents)
    found = described(run.latents)
    assert found["kind"] == "latent table"
    assert found["n_entries"] == table.n_entries
    assert found["n_rows"] == 32
    assert found["l0"] == table.n_entries / 32


def test_a_run(run: RunLayout) -> None:
    found = described(run.root)
    assert found["kind"] == "run"
    assert found["checkpoint"] == {**described(run.checkpoint)}
    assert found["latents"] == described(run.latents)
    assert found["training"] == {"step": 0, "loss": 1.5}
    assert found["summary"] is None
    assert "checkpoint/config.json" in found["files"]


def test_a_run_underway(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("k: 3\n")
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": NaN}\n{"step": 2, "lo')
    found = described(tmp_path)
    assert (found["checkpoint"], found["latents"]) == (None, None)
    assert found["training"] == {"step": 1, "loss": None}
    assert found["warnings"] == []


def test_warnings_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("k: 3\n")
    lines = '{"step": 1, "warning/fve_fell": "fell"}\n7\n{"step": 2, "warning/other": "more"}\n'
    (tmp_path / "metrics.jsonl").write_text(lines)
    assert described(tmp_path)["warnings"] == ["fell", "more"]


def test_what_cannot_be_read_is_told(run: RunLayout, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="nothing here"):
        describe(tmp_path / "absent")
    run.evaluation.mkdir()
    run.summary.write_text("{")
    with pytest.raises(XcError, match=r"summary.json: not readable JSON"):
        describe(run.root)
    next(run.latents.iterdir()).write_bytes(b"damaged")
    with pytest.raises(DamageError):
        describe(run.latents)


def test_runs_of_nested_sweeps_and_damage(run: RunLayout, tmp_path: Path) -> None:
    run.config.write_text("train: {}\n")
    for name in ("a", "sweep/k=8"):
        shutil.copytree(run.root, tmp_path / "v" / name)
    found = described(tmp_path / "v")["runs"]
    assert {name: of["damaged"] for name, of in found.items()} == {"a": None, "sweep/k=8": None}
    checkpoint = tmp_path / "v" / "sweep" / "k=8" / "checkpoint"
    tensors = checkpoint / "crosscoder.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-1])
    assert "not a readable" in described(tmp_path / "v")["runs"]["sweep/k=8"]["damaged"]
    (checkpoint / "config.json").unlink()
    assert "expected config.json" in described(tmp_path / "v")["runs"]["sweep/k=8"]["damaged"]
    shutil.rmtree(checkpoint)
    assert described(tmp_path / "v")["runs"]["sweep/k=8"]["damaged"] is None
