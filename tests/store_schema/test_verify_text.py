"""The text against itself, whatever the size of the blocks it is read in."""

import dataclasses
from pathlib import Path

import numpy as np
import planted
import pytest

from xc.store_schema import ActivationStore, StorePlan, StoreWriter
from xc.store_schema import verify_text as module
from xc.store_schema.verify_text import check_text
from xc.store_schema.zarr_group import open_group


@pytest.mark.parametrize("at_once", [1, 10, 50, 1000])
def test_any_size_of_block_gives_the_same_answer(
    store: ActivationStore, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TOKENS_AT_ONCE", at_once)
    assert check_text(store) == []
    open_group(store.path, "r+")["rows/token_id"][77] = 5
    assert [(p.file, p.what) for p in check_text(ActivationStore.open(store.path))] == [
        ("rows/token_id", "row 77 does not agree with sequences/")
    ]


def test_sequences_of_any_length_with_any_tokens_dropped(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, 40)
    total = int(lengths.sum())
    plan = dataclasses.replace(
        planted.make_plan(n_sequences=40, length=2, shard_rows=64),
        token_ids=rng.integers(0, 200, total).astype(np.int32),
        token_offsets=np.cumsum([0, *lengths]),
        keep=rng.random(total) < 0.5,
    )
    plan = dataclasses.replace(plan, mask=rng.random(plan.n_rows) < 0.9)
    StoreWriter.create(tmp_path / "s.zarr", plan)
    store = ActivationStore.open(tmp_path / "s.zarr", allow_incomplete=True)
    assert check_text(store) == []
    assert len(np.unique(np.diff(store.sequences.row_offsets))) > 3


def test_rows_may_not_be_listed_twice(store: ActivationStore, plan: StorePlan) -> None:
    open_group(store.path, "r+")["rows/position"][1] = plan.rows()["position"][0]
    assert {p.file for p in check_text(store)} >= {"rows/position"}
