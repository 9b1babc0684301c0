"""The graph: building it reads nothing, and its tree is fixed by the blocks."""

from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest

from xc.evaluate.blocks import Range, cut_all
from xc.evaluate.clusters import row_groups
from xc.evaluate.examples.collect import example_sketch
from xc.evaluate.graph import (
    FAN_IN,
    Stage,
    block_key,
    group_totals,
    metric_totals,
    rows_of,
    tree,
)
from xc.evaluate.metric import Pass
from xc.evaluate.metrics import METRICS
from xc.evaluate.reader import Reader
from xc.store_schema import ActivationStore, LatentTable

READING = tuple(m for m in METRICS if m.reads is not Pass.NONE)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Counts what is opened."""
    calls: list[str] = []

    def note(name: str) -> Any:
        def fail(*args: Any, **kwargs: Any) -> None:
            calls.append(name)
            raise AssertionError(name)

        return fail

    monkeypatch.setattr(ActivationStore, "open", note("store"))
    monkeypatch.setattr(LatentTable, "open", note("table"))
    return calls


def test_building_computes_nothing(opened: list[str]) -> None:
    reader = Reader(Path("no/store"), Path("no/run"), 64)
    blocks = cut_all([(0, 10_000)], 256)
    metric_totals(reader, READING, blocks)
    none: frozenset[str] = frozenset()
    stages = [Stage(READING, none, part, print) for part in (blocks[:3], blocks[3:])]
    group_totals(reader, row_groups(np.ones(9, int), np.arange(9), 4), stages)
    example_sketch(reader, [1, 2], [(0, 10_000)], blocks=blocks, k=3)
    assert opened == []


@pytest.mark.parametrize("n", [1, 2, 65, FAN_IN + 2])
@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_the_tree_keeps_the_order_of_blocks(n: int, scheduler: str) -> None:
    blocks = cut_all([(0, n)], 1)
    graph = tree(blocks, lambda block: [block], lambda a, b: a + b)
    found: list[Range] = dask.compute(graph, scheduler=scheduler)[0]
    assert tuple(found) == blocks


def test_the_tree_adds_in_one_way_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xc.evaluate.graph.FAN_IN", 8)

    def bracket(left: str, right: str) -> str:
        return f"({left}{right})"

    graph = tree(cut_all([(0, 10)], 1), lambda block: str(block[0]), bracket)
    assert dask.compute(graph, scheduler="threads")[0] == "((((((((01)2)3)4)5)6)7)(89))"


def test_rows_are_told_by_the_name_of_the_task() -> None:
    assert rows_of(block_key((16, 48))) == rows_of(block_key((16, 48), "1f")) == 32
    assert rows_of("merge-16-48-x") == 0
