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

SUMS = "group-0000-0123abcd.npz"
PART = "part-000000000128-000000000160.parquet"


@pytest.fixture
def evaluated(run: RunLayout) -> RunLayout:
    run.evaluation.mkdir()
    summary = {
        "l0": 1.5, "l0_ci": [1.0, 2.0], "n_dead": 3, "cka": None, "not_measured": {"cka": "why"},
    }  # fmt: skip
    run.summary.write_text(json.dumps(summary))
    pq.write_table(pa.table({"latent": np.arange(18)}), run.latents_parquet)
    run.passes.joinpath("context").mkdir(parents=True)
    np.savez(run.passes / "context" / SUMS, a=np.arange(50.0), b=np.ones(3))
    run.reproduced.parent.mkdir()
    for table in (run.examples, run.nu_curves, run.twins, run.reproduced):
        pq.write_table(pa.table({"x": np.arange(1000)}), table)
    run.evaluation_config.write_text("keep: []\nmetrics: []\n")
    for told in (run.provenance, run.nulls_json):
        told.write_text(json.dumps({"rows": 3}))
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
        (lambda r: (r.checkpoint / "config.json").write_text("{"), "checkpoint/config.json",
         "not readable"),
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


OTHERS = (
    "examples.parquet", "nu_curves.parquet", "twins.parquet", "nulls/reproduced.parquet",
    "config.yaml", "provenance.json", "nulls.json", f"passes/context/{SUMS}",
)  # fmt: skip


def cut(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x55
    file.write_bytes(bytes(data))


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, empty])
@pytest.mark.parametrize("name", OTHERS)
def test_a_file_of_the_evaluation_that_is_damaged_says_how_it_is_mended(
    evaluated: RunLayout, name: str, damage: Callable[[Path], None]
) -> None:
    damage(evaluated.evaluation / name)
    (problem,) = verify_run(evaluated.root)
    assert problem.file == f"evaluation/{name}"
    what = "trained again" if "null" in name else "it will be measured again"
    assert problem.what.endswith(what)
    assert "delete it and run `xc " in problem.what
    assert "\n" not in str(problem)


def test_sums_are_read_by_their_checksums_and_never_unpickled(
    evaluated: RunLayout, tmp_path: Path
) -> None:
    flip(evaluated.passes / "context" / SUMS)
    (problem,) = verify_run(evaluated.root)
    assert "fails its checksum" in problem.what

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    np.savez(evaluated.passes / "context" / SUMS, a=np.array([Bomb()], dtype=object))
    assert verify_run(evaluated.root) == []
    assert not (tmp_path / "ran").exists()


def test_a_truncated_checkpoint_is_named_with_what_writes_it_again(run: RunLayout) -> None:
    cut(run.checkpoint / "crosscoder.safetensors")
    problem = verify_run(run.root)[0]
    assert problem.file == "checkpoint/crosscoder.safetensors"
    assert problem.what.startswith("not a readable safetensors file (")
    assert "xc train" not in problem.what  # of this run no state is saved
    (run.state / "step-000000000006").mkdir(parents=True)
    assert "the same `xc train` writes it again" in verify_run(run.root)[0].what


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
