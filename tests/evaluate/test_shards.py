"""A block is a shard of the store, unless it is told otherwise or there are few."""

from collections import Counter
from dataclasses import replace

import numpy as np
import planted
import pytest
import yaml
from graphing import blocks_of, measures, noted_graphs
from measured import SOME, Case

from xc.evaluate.blocks import ENOUGH

SHARD = 16


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Many shards, the first and the last held out in part."""
    root, usual = tmp_path_factory.mktemp("shards"), planted.make_plan(n_sequences=67, length=18)
    split = (np.arange(67) >= 3).astype(np.uint8)
    plan = replace(usual, split=split, shard_rows=SHARD, chunk_rows=SHARD)
    truth = planted.make_truth(plan.n_rows)
    store = planted.write_store(root / "acts.zarr", truth, plan, noise=0.2)
    checkpoint = planted.true_crosscoder(truth, store)
    case = Case(truth, store, checkpoint, planted.write_run(root / "run", checkpoint, store))
    (start, stop), *_ = store.splits["heldout"]
    assert start % SHARD
    assert stop % SHARD
    assert len(store.blocks("heldout")) >= ENOUGH
    return case


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Names of the tasks of every graph that is computed."""
    return noted_graphs(monkeypatch)


def test_there_is_one_task_for_each_shard(made: Case, graphs: list[list[str]]) -> None:
    """In the graph of the metrics, and in those of the examples and of the twins."""
    made.evaluate(block_rows=None, **SOME)
    shards = list(made.store.blocks("heldout"))
    (of_metrics,) = filter(measures, graphs)
    assert blocks_of(of_metrics) == shards
    times = Counter(block for names in graphs for block in blocks_of(names))
    assert times == dict.fromkeys(shards, 3)


@pytest.mark.slow
def test_what_came_of_it_is_written_down(made: Case, graphs: list[list[str]]) -> None:
    """A number; and who gives that number asks for the same, of the same sums."""
    made.evaluate(block_rows=None, tile_rows=SHARD, **SOME)
    told = yaml.safe_load(made.run.evaluation_config.read_text(encoding="utf-8"))
    assert told["block_rows"] == SHARD
    graphs.clear()
    made.evaluate(block_rows=SHARD, tile_rows=SHARD, **SOME)
    assert graphs == []
    made.evaluate(block_rows=SHARD, tile_rows=SHARD, seed=1, **SOME)
    assert not any(map(measures, graphs))
    made.evaluate(block_rows=2 * SHARD, tile_rows=SHARD, **SOME)
    assert any(map(measures, graphs))
