"""`xc verify` of a run looks into the null controls that it keeps."""

import shutil
from pathlib import Path

import pytest

from xc.store_schema import ActivationStore, RunLayout, StoreWriter
from xc.store_schema.verify import verify
from xc.store_schema.verify_nulls import UNFINISHED, runs_of_controls, stores_of_controls


@pytest.fixture
def controlled(run: RunLayout, store_path: Path) -> RunLayout:
    """A run with a control of a run, one of a store and a run, and one of two seeds."""
    for name in ("identical/run", "permuted/run", "seeds/seed=1", "seeds/seed=2"):
        shutil.copytree(run.root, run.nulls / name, ignore=shutil.ignore_patterns("nulls"))
    shutil.copytree(store_path, run.nulls / "permuted" / "store.zarr")
    for control in run.nulls.iterdir():
        (control / "made_from.json").write_text('{"kind": "a control"}\n')
    return run


def cut(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def test_whole_ones_are_looked_into(controlled: RunLayout) -> None:
    assert verify(controlled.root) == []
    assert verify(controlled.root.parent) == []
    names = ("identical/run", "permuted/run", "seeds/seed=1", "seeds/seed=2")
    assert runs_of_controls(controlled) == [controlled.nulls / name for name in names]
    assert stores_of_controls(controlled) == [controlled.nulls / "permuted" / "store.zarr"]


def test_a_run_without_controls(run: RunLayout) -> None:
    assert runs_of_controls(run) == stores_of_controls(run) == verify(run.root) == []


DAMAGED = (
    "identical/run/checkpoint/crosscoder.safetensors",
    "permuted/store.zarr/activations/KEY/c/0/0",
    "permuted/store.zarr/zarr.json",
    "seeds/seed=2/latents/part-000000000128-000000000160.parquet",
    "permuted/made_from.json",
)


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_of_a_control_is_found(
    controlled: RunLayout, name: str, store: ActivationStore
) -> None:
    name = name.replace("KEY", store.sources[0].key)
    cut(controlled.nulls / name)
    found = [p.file for p in verify(controlled.root)]
    assert f"nulls/{name}" in found
    assert all(file.startswith("nulls/") for file in found)
    assert [p.file for p in verify(controlled.root.parent)] == [f"run/{file}" for file in found]


def test_the_store_of_a_control_of_which_only_the_folder_is_left(controlled: RunLayout) -> None:
    (controlled.nulls / "permuted" / "store.zarr" / "zarr.json").unlink()
    (problem,) = verify(controlled.root)
    assert problem.file == "nulls/permuted/store.zarr/zarr.json"
    assert "expected an activation store" in problem.what


def test_unfinished_ones_are_said_to_be_so(controlled: RunLayout, unfinished: StoreWriter) -> None:
    shutil.rmtree(controlled.nulls / "identical" / "run" / "checkpoint")
    shutil.rmtree(controlled.nulls / "permuted" / "store.zarr")
    unfinished.close()
    shutil.copytree(unfinished.path, controlled.nulls / "permuted" / "store.zarr")
    assert [str(p) for p in verify(controlled.root)] == [
        f"nulls/identical/run: {UNFINISHED}",
        f"nulls/permuted/store.zarr: {UNFINISHED}",
    ]
