"""Stores in the shards that `xc harvest` makes by default: a task is one of these."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import planted
import pytest
import yaml
from graphing import blocks_of, measures, noted_graphs

from xc.evaluate import EvaluateConfig, evaluate
from xc.evaluate.blocks import Range, cut_all
from xc.harvest.config import DEFAULT_SEQ_LEN, HarvestConfig
from xc.store_schema import ActivationStore, Checkpoint, RunLayout, Silent

pytestmark = pytest.mark.slow

SHARD = HarvestConfig.shard_rows
MANY = 64
"""Shards from which none is cut, as `block_rows` says."""
TRAIN = 3
"""Sequences that are not held out; they lie in the first shard."""
STEP = 50_000
"""Rows that the oracle reads at a time: no part of a shard, nor a multiple."""


def make(folder: Path, shards: int) -> tuple[ActivationStore, RunLayout]:
    """Rows of four numbers, so that millions are some hundred megabytes. All shards are held out,
    the first and the last in part."""
    rows = DEFAULT_SEQ_LEN - 1
    n_sequences = shards * SHARD // rows
    usual = planted.make_plan(n_sequences=n_sequences, length=DEFAULT_SEQ_LEN)
    split = (np.arange(n_sequences) >= TRAIN).astype(np.uint8)
    plan = replace(usual, split=split, shard_rows=SHARD, chunk_rows=HarvestConfig.chunk_rows)
    truth = planted.make_truth(plan.n_rows, widths=(4, 4), n_shared=2, n_a_only=1, n_b_only=1)
    store = planted.write_store(folder / "acts.zarr", truth, plan, noise=0.2)
    run = planted.write_run(folder / "run", planted.true_crosscoder(truth, store), store)
    assert store.splits["heldout"] == ((TRAIN * rows, n_sequences * rows),)
    assert n_sequences * rows % SHARD
    assert len(store.blocks("heldout")) == shards
    return store, run


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Names of the tasks of every graph that is computed."""
    return noted_graphs(monkeypatch)


def blocks_of_metrics(graphs: list[list[str]]) -> tuple[Range, ...]:
    """Rows of the tasks of the one graph that has stages."""
    (names,) = filter(measures, graphs)
    return tuple(blocks_of(names))


def assert_measured(store: ActivationStore, run: RunLayout, block_rows: int | None) -> None:
    """Of an evaluation without what would only take time, the numbers are those of the oracle."""
    config = EvaluateConfig(
        metrics=("l0", "mse", "fve"), block_rows=block_rows, groups=0, bootstrap=0, report=False
    )
    found = evaluate(config, run=run, store=store, progress=Silent()).summary
    expected = plainly(store, Checkpoint.load(run.checkpoint))
    assert {key: found[key] for key in expected} == pytest.approx(expected, rel=1e-6)
    assert found["rows"] == expected["rows"]


def rows_of_a_block(run: RunLayout) -> int:
    """As the evaluation has written it down."""
    told = yaml.safe_load(run.evaluation_config.read_text(encoding="utf-8"))
    return int(told["block_rows"])


def plainly(store: ActivationStore, checkpoint: Checkpoint) -> dict[str, float]:
    """The numbers over all held-out rows, by their definitions."""
    ((start, stop),) = store.splits["heldout"]
    steps = [slice(a, min(a + STEP, stop)) for a in range(start, stop, STEP)]
    raw = [store.activations(s.key) for s in checkpoint.sources]
    codes = [checkpoint.encode([x[step] for x in raw]) for step in steps]
    n = stop - start
    found = {"rows": n, "l0": sum(map(np.count_nonzero, codes)) / n}
    for letter, x, w, b in zip("ab", raw, checkpoint.W_dec, checkpoint.b_dec, strict=True):
        error, square, total = 0.0, 0.0, np.zeros(x.shape[1])
        for step, f in zip(steps, codes, strict=True):
            wide = x[step].astype(np.float64)
            error += np.square(wide - f @ w - b).sum()
            square += np.square(wide).sum()
            total += wide.sum(axis=0)
        variance = square - total @ total / n
        found |= {f"mse_{letter}": error / n, f"fve_{letter}": 1 - error / variance}
    return found


def test_by_default_a_task_is_a_shard_where_there_are_many(
    tmp_path: Path, graphs: list[list[str]]
) -> None:
    store, run = make(tmp_path, MANY)
    assert_measured(store, run, None)
    assert blocks_of_metrics(graphs) == store.blocks("heldout")
    assert rows_of_a_block(run) == SHARD


@pytest.mark.parametrize("shards", [1, 3])
def test_a_task_is_a_shard_of_few_where_that_is_asked_for(
    tmp_path: Path, graphs: list[list[str]], shards: int
) -> None:
    """Else it is a quarter of one."""
    store, run = make(tmp_path, shards)
    assert_measured(store, run, SHARD)
    assert blocks_of_metrics(graphs) == store.blocks("heldout")
    assert rows_of_a_block(run) == SHARD
    graphs.clear()
    assert_measured(store, run, None)
    assert blocks_of_metrics(graphs) == cut_all(store.blocks("heldout"), SHARD // 4)
    assert rows_of_a_block(run) == SHARD // 4
