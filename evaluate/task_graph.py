"""How block tasks hang together, and what they are called: a tree, or a lane.

Which values are combined, and in which order, is fixed by the block numbers alone; the scheduler
decides only when, so every scheduler gives the same bits.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import count
from typing import Any, Generic, TypeVar

from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph
from dask.sizeof import sizeof

from xc.evaluate.blocks import Range

T = TypeVar("T")

FAN_IN = 1024
"""Blocks of a node of the tree. They are added to it one by one, as they come, so that it costs the
memory of one value; and with few levels few nodes are held."""
BLOCK_PREFIX = "block"


def tree(blocks: Sequence[Range], leaf: Callable[[Range], T], combine: Callable[[T, T], T]) -> Any:
    """A delayed value: `leaf` of every block, combined in a fixed order, FAN_IN at a time.

    For small values: as many of them wait as there are workers, and two more.

    Args:
        blocks: row ranges, at least one.
        leaf: what a task computes.
        combine: associative.
    """
    token = new_token()
    tasks: _Tasks = {block_key(block, token): (leaf, block) for block in blocks}
    names = (f"merge-{token}-{blocks[0][0]:012d}-{i:09d}" for i in count())

    def merge(left: str, right: str) -> str:  # two at a time, so that few values wait in memory
        name = next(names)
        tasks[name] = (combine, left, right)
        return name

    level = list(tasks)
    while len(level) > 1:
        level = [reduce(merge, level[i : i + FAN_IN]) for i in range(0, len(level), FAN_IN)]
    return _delayed(level[0], tasks)


class Carried(Generic[T]):
    """A value on its way along a lane. The next task takes it out, so that nobody else, Dask
    neither, holds on to it while it is replaced part by part."""

    def __init__(self, value: T, *, stays: bool = False) -> None:
        """
        Args:
            value: never changed in place by whoever takes it.
            stays: whether it stays here when it is taken, as where tasks may be asked for twice.
        """
        self._values = [value]
        self._stays = stays

    def __sizeof__(self) -> int:
        """Bytes that a cluster would have to move."""
        return sum(map(_bytes, self._values))

    def take(self) -> T:
        """The value; once, unless it stays.

        Raises:
            RuntimeError: if it was taken before.
        """
        if not self._values:
            raise RuntimeError("sums that a task has passed on were asked for again")
        return self._values[0] if self._stays else self._values.pop()


def _bytes(value: object) -> int:
    """Of all arrays in mappings of mappings; Dask would guess from ten of them."""
    if isinstance(value, Mapping):
        return sum(map(_bytes, value.values()))
    return int(sizeof(value))


Step = Callable[[Range, Carried[T] | None], T]
"""A block, and what is known of those before it (None for the first), to both together."""


def lane(blocks: Sequence[Range], step: Step[T], token: str, *, stays: bool = False) -> Any:
    """A delayed `Carried`: every block is added to what is known of those before.

    For large values: there is one of each lane that is under way, however many blocks there are.

    Args:
        blocks: row ranges, at least one.
        step: what a task computes.
        token: of `new_token`, one for all lanes of a graph.
        stays: whether what a task passes on stays with it too, for a worker of a cluster that may
            go at any moment: two values of each task under way.
    """
    task, tasks = _Task(step, stays=stays), _Tasks()
    before = None
    for block in blocks:
        key = block_key(block, token)
        tasks[key] = (task, block, before)
        before = key
    return _delayed(block_key(blocks[-1], token), tasks)


_Tasks = dict[str, tuple[Any, ...]]
"""By name: what is called, and with what; a name stands for the value of that task."""


def _delayed(name: str, tasks: _Tasks) -> Any:
    """The delayed value of one of these tasks, with them as one layer of Dask's graph.

    Were each put together by a call of a delayed function, it would have a layer of its own, and
    Dask would copy the list of layers each time: the square of the number of blocks.
    """
    return Delayed(name, HighLevelGraph({name: tasks}, {name: set()}))


class _Task(Generic[T]):
    """Puts what a step returns into a box that can be emptied."""

    def __init__(self, step: Step[T], *, stays: bool) -> None:
        self._step = step
        self._stays = stays

    def __call__(self, block: Range, before: Carried[T] | None) -> Carried[T]:
        return Carried(self._step(block, before), stays=self._stays)


def new_token() -> str:
    """Part of the names of a graph's tasks: two passes may be on one cluster at a time."""
    return secrets.token_hex(4)


def block_key(block: Range, token: str = "") -> str:
    """Name of a block's task."""
    return f"{BLOCK_PREFIX}-{token}-{block[0]:012d}-{block[1]:012d}"


def rows_of(key: str) -> int:
    """Rows of the block that a task reads; 0 for a task that reads none."""
    name, *_, start, stop = key.split("-") if key.count("-") == 3 else ("", "0", "0")
    return int(stop) - int(start) if name == BLOCK_PREFIX else 0
