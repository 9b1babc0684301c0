"""How tasks hang together: in a fixed order, whatever the scheduler; a lane holds one value."""

import gc
import pickle
import weakref
from collections.abc import Iterator
from typing import ClassVar

import dask
import numpy as np
import pytest
from dask.delayed import delayed
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


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_a_lane_adds_block_to_block(scheduler: str) -> None:
    graph = lane(cut_all([(0, 4)], 1), bracketed, new_token())
    assert dask.compute(graph, scheduler=scheduler)[0].take() == "(((01)2)3)"


@pytest.mark.parametrize("n", [1, 7])
def test_a_graph_is_one_layer_however_many_blocks(n: int) -> None:
    """Dask copies the list of layers whenever one is added."""
    blocks = cut_all([(0, n)], 1)
    for graph in (lane(blocks, bracketed, new_token()), tree(blocks, str, max)):
        assert len(graph.__dask_graph__().layers) == 1


class Counted:
    """Tells which of its kind are alive."""

    alive: ClassVar[weakref.WeakSet["Counted"]] = weakref.WeakSet()

    def __init__(self) -> None:
        self.alive.add(self)


@pytest.fixture
def _what_is_old_left_alone() -> Iterator[None]:
    """Else every collection goes through all that the tests of a process have imported and made."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_what_is_old_left_alone")
@pytest.mark.parametrize(("scheduler", "workers"), [("sync", 1), ("threads", 2), ("threads", 4)])
def test_there_is_one_value_of_each_lane_under_way(scheduler: str, workers: int) -> None:
    """While a task has taken up what is known, nobody holds it beside that task."""
    alive: list[int] = []

    def step(block: Range, before: Carried[Counted] | None) -> Counted:
        value = before.take() if before else None
        gone = weakref.ref(value) if value is not None else lambda: None
        del value
        gc.collect()
        assert gone() is None
        alive.append(len(Counted.alive))
        return Counted()

    token, blocks = new_token(), cut_all([(0, 160)], 1)
    lanes = [lane(blocks[20 * i : 20 * (i + 1)], step, token) for i in range(8)]
    done = [delayed(lambda box: type(box.take()).__name__)(end) for end in lanes]
    found = dask.compute(*done, scheduler=scheduler, num_workers=workers)
    assert found == ("Counted",) * 8
    assert len(alive) == 160
    assert max(alive) <= workers


def test_what_is_carried_is_taken_once_unless_it_stays() -> None:
    box, stays = Carried(np.ones(1000)), Carried(np.ones(1000), stays=True)
    moved = pickle.loads(pickle.dumps(box))
    assert box.take().sum() == moved.take().sum() == 1000
    assert stays.take() is stays.take()
    with pytest.raises(RuntimeError, match="asked for again"):
        box.take()


def test_a_cluster_is_told_all_bytes_that_are_carried() -> None:
    small, large = ({str(i): np.ones(n) for i in range(15)} for n in (1, 1000))
    assert sizeof(Carried({"small": small, "large": large})) - 15 * 8 * 1001 in range(1000)


def test_rows_are_told_by_the_name_of_the_task() -> None:
    assert rows_of(block_key((16, 48))) == rows_of(block_key((16, 48), "1f")) == 32
    assert rows_of("merge-16-48-x") == 0
