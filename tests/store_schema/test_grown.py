"""A store that has grown since a run was trained on it is told from one of another text."""

import shutil

import planted
import pytest
from growing import grow

from xc.store_schema import ActivationStore, RunLayout
from xc.store_schema.grown import WHAT_TO_DO, grown_since
from xc.store_schema.verify import verify_run


def test_what_a_store_held_when_a_run_was_trained_on_it(
    store: ActivationStore, run: RunLayout
) -> None:
    assert grown_since(run, store) is None
    larger = grow(store.path)
    assert grown_since(run, larger) == (
        f"{store.path} held 160 rows then and has grown to 424 since (the same `xc harvest` with "
        "--tokens 160 --store OTHER makes the old one again)"
    )
    told = [p.what for p in verify_run(run.root, store=larger)]
    other = f"was trained on other activations than those of {store.path}"
    assert told[0] == f"{other}: {grown_since(run, larger)}; {WHAT_TO_DO}"
    assert (held := grown_since(run, grow(store.path, 4)))
    assert "held 160 rows then and has grown to 456 since" in held


@pytest.mark.parametrize("changed", ["rows", "revision"])
def test_another_store_that_has_grown_is_not_this_one(
    store: ActivationStore, run: RunLayout, changed: str
) -> None:
    if changed == "rows":
        shutil.rmtree(store.path)
        plan = planted.make_plan(n_sequences=20, length=8, shard_rows=64)
        planted.write_store(store.path, planted.make_truth(140), plan)
    larger = grow(store.path)
    if changed == "revision":
        for source in larger.sources:
            object.__setattr__(source, "revision", "other")
    assert grown_since(run, larger) is None


def test_of_an_unfinished_run_it_may_be_so(store: ActivationStore, run: RunLayout) -> None:
    shutil.rmtree(run.checkpoint)
    assert grown_since(run, store) is None
    assert grown_since(run, grow(store.path)) == (
        f"{store.path} has grown since it was made (160 + 264 rows), perhaps since the run began"
    )
