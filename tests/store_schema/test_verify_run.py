"""A run's files: readable, flat, of one checkpoint, and of the right store."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import planted
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from xc.store_schema import ActivationStore, LatentTableWriter, RequestError, RunLayout
from xc.store_schema.verify import verify_run

PART = "part-000000000128-000000000160.parquet"


@pytest.fixture
def evaluated(run: RunLayout) -> RunLayout:
    run.evaluation.mkdir()
    summary = {
        "l0": 1.5, "l0_ci": [1.0, 2.0], "n_dead": 3, "cka": None, "not_measured": {"cka": "why"},
    }  # fmt: skip
    run.summary.write_text(json.dumps(summary))
    pq.write_table(pa.table({"latent": np.arange(18)}), run.latents_parquet)
    return run


def test_whole(run: RunLayout, store: ActivationStore) -> None:
    assert verify_run(run.root) == []
    assert verify_run(run.root, store=store) == []


def test_whole_when_evaluated(evaluated: RunLayout) -> None:
    assert verify_run(evaluated.root) == []


def spoil_tensor(run: RunLayout) -> None:
    file = run.checkpoint / "crosscoder.safetensors"
    tensors = load_file(file)
    save_file({**tensors, "b_enc": tensors["b_enc"] + 1}, file)


def flip_an_activation(run: RunLayout) -> None:
    part = next(run.latents.iterdir())
    column = pq.read_metadata(part).row_group(0).column(2)
    data = bytearray(part.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 3] ^= 1
    part.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "file", "what"),
    [
        (lambda r: (r.checkpoint / "config.json").unlink(), "checkpoint", "expected config.json"),
        (lambda r: (r.checkpoint / "config.json").write_text("{"), "checkpoint", "not readable"),
        (spoil_tensor, f"latents/{PART}", "checkpoint is '"),
        (flip_an_activation, f"latents/{PART}", "is damaged"),
        (lambda r: next(r.latents.iterdir()).unlink(), "latents", "expected part-*.parquet"),
        (lambda r: r.config.unlink(), "config.yaml", "is missing"),
        (lambda r: r.config.write_text(" \n"), "config.yaml", "is empty"),
        (lambda r: r.config.write_bytes(b"\xff"), "config.yaml", "cannot be read as text"),
        (lambda r: r.metrics.unlink(), "metrics.jsonl", "is missing"),
        (lambda r: r.metrics.write_text("{}\n[]\n"), "metrics.jsonl", "line 2 is no JSON object"),
        (lambda r: r.metrics.write_text('{}\n{"step'), "metrics.jsonl", "line 2 is no JSON object"),
        (lambda r: r.summary.unlink(), "evaluation/summary.json", "is missing"),
        (lambda r: r.summary.write_text("[]"), "evaluation/summary.json", "expected one JSON obj"),
        (lambda r: r.summary.write_text("{"), "evaluation/summary.json", "not readable JSON"),
        (lambda r: r.summary.write_text('{"l0": NaN}'), "evaluation/summary.json", "'l0' is nan"),
        (lambda r: r.summary.write_text('{"l0": "1"}'), "evaluation/summary.json", "'l0' is '1'"),
        (lambda r: r.summary.write_text('{"a_ci": [1, null]}'), "evaluation/summary.json", "a_ci"),
        (lambda r: r.summary.write_text('{"not_measured": 1}'), "evaluation/summary.json", "not_m"),
        (lambda r: r.latents_parquet.write_bytes(b"x"), "evaluation/latents.parquet",
         "not readable Parquet"),
        (lambda r: pq.write_table(pa.table({"latent": [1]}), r.latents_parquet),
         "evaluation/latents.parquet", "1 rows; expected one for each of 18"),
        (lambda r: pq.write_table(pa.table({"x": [1]}), r.latents_parquet),
         "evaluation/latents.parquet", "no column 'latent'"),
    ],
)  # fmt: skip
def test_damage(
    evaluated: RunLayout, damage: Callable[[RunLayout], Any], file: str, what: str
) -> None:
    damage(evaluated)
    problems = verify_run(evaluated.root)
    assert any(p.file == file and what in p.what for p in problems), problems
    assert not any("\n" in str(p) for p in problems)


def test_another_store_or_other_rows(
    run: RunLayout, store: ActivationStore, tmp_path: Path
) -> None:
    truth, plan = planted.make_truth(160, seed=5), planted.make_plan(n_sequences=20, length=9)
    other = planted.write_store(tmp_path / "other.zarr", truth, plan)
    assert [p.what for p in verify_run(run.root, store=other)] == [
        f"was trained on other activations than those of {other.path}"
    ]
    part = next(run.latents.iterdir())
    with LatentTableWriter(
        run.latents, d_sae=18, checkpoint=_about(part)["checkpoint"], store=_about(part)["store"]
    ) as writer:
        writer.write(0, 64, np.array([3]), np.array([3]), np.array([1.0]))
    (problem,) = verify_run(run.root, store=store)
    assert problem.what == "covers rows [[0, 64], [128, 160]]; held out are [[128, 160]]"


def _about(part: Path) -> dict[str, Any]:
    return json.loads(pq.read_schema(part).metadata[b"xc"])


def test_no_run_at_all(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="expected the folder of a run, found none"):
        verify_run(tmp_path / "absent")
