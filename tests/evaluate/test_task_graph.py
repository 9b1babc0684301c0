"""How tasks hang together: in a fixed order, whatever the scheduler; a lane holds one value."""

import gc
import pickle
import weakref
from collections.abc import Iterator
from typing import ClassVar

import dask
import numpy as np
import pytest
from dask.sizeof import sizeof

from xc.evaluate.blocks import Range, cut_all
from xc.evaluate.task_graph import (
    FAN_IN,
    Carried,
    block_key,
    lane,
    new_token,
    rows_of,
    tree,
)


@pytest.mark.parametrize("n", [1, 2, 65, FAN_IN + 2])
@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_the_tree_keeps_the_order_of_blocks(n: int, scheduler: str) -> None:
    blocks = cut_all([(0, n)], 1)
    graph = tree(blocks, lambda block: [block], lambda a, b: a + b)
    found: list[Range] = dask.compute(graph, scheduler=scheduler)[0]
    assert tuple(found) == blocks


def test_the_tree_adds_in_one_way_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xc.evaluate.task_graph.FAN_IN", 8)

    def bracket(left: str, right: str) -> str:
        return f"({left}{right})"

    graph = tree(cut_all([(0, 10)], 1), lambda block: str(block[0]), bracket)
    assert dask.compute(graph, scheduler="threads")[0] == "((((((((01)2)3)4)5)6)7)(89))"


def bracketed(block: Range, before: Carried[str] | None) -> str:
    return f"({before.take()}{block[0]})" if before else str(block[0])


@pytest.mark.parametrize("scheduler", ["sync", "threads", "processes"])
def test_a_lane_adds_block_to_block(scheduler: str) -> None:
    graph = lane(cut_all([(0, 4)], 1), bracketed, new_token())
    assert dask.compute(graph, scheduler=scheduler)[0].take() == "(((01)2)3)"


class Counted:
    """Tells how many of its kind are alive."""

    alive: ClassVar[weakref.WeakSet["Counted"]] = weakref.WeakSet()

    def __init__(self) -> None:
        self.alive.add(self)


@pytest.fixture
def most() -> Iterator[list[int]]:
    gc.collect()
    yield []
    assert not Counted.alive


@pytest.mark.parametrize(("lanes", "scheduler", "known"), [(1, "sync", 1), (8, "threads", 8)])
def test_a_lane_holds_one_value(lanes: int, scheduler: str, known: int, most: list[int]) -> None:
    """While a task has taken up what is known, nobody holds it beside that task."""

    def step(block: Range, before: Carried[Counted] | None) -> Counted:
        value = before.take() if before else None
        most.append(len(Counted.alive))
        del value
        return Counted()

    token = new_token()
    blocks = cut_all([(0, 40 * lanes)], 1)
    graph = [lane(blocks[40 * i : 40 * (i + 1)], step, token) for i in range(lanes)]
    found = dask.compute(*graph, scheduler=scheduler, num_workers=2)
    assert len(most) == 40 * lanes
    assert max(most) <= lanes
    assert len(found) == len(Counted.alive) == lanes
    del found
    gc.collect()


def test_what_is_carried_is_taken_once() -> None:
    box = Carried(np.ones(1000))
    assert sizeof(box) > 8000
    moved = pickle.loads(pickle.dumps(box))
    assert box.take().sum() == moved.take().sum() == 1000
    with pytest.raises(RuntimeError, match="evaluate again"):
        box.take()


def test_rows_are_told_by_the_name_of_the_task() -> None:
    assert rows_of(block_key((16, 48))) == rows_of(block_key((16, 48), "1f")) == 32
    assert rows_of("merge-16-48-x") == 0
