"""The Dask graph, built here and nowhere else: one task per block of rows, then a fixed tree.

Sums of each group of rows are kept apart; rows come in stages, each with a tree of its own, so that
what a stage has summed up can be kept. Building it reads nothing. A task walks its block tile by
tile, so its memory does not grow with the block. Which sums are added to which is fixed by the
block numbers alone; the scheduler decides only when, so every scheduler gives the same bits.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import count
from typing import Any, TypeVar

from dask.delayed import delayed

from xc.evaluate.blocks import Range
from xc.evaluate.clusters import RowGroups
from xc.evaluate.metric import Metric, Sums
from xc.evaluate.reader import Reader
from xc.evaluate.row_block import RowBlock

T = TypeVar("T")

FAN_IN = 1024
"""Blocks of a node of the tree. They are added to it one by one, as they come, so that it costs the
memory of one value; and with few levels few nodes are held."""
BLOCK_PREFIX = "block"

Totals = Mapping[str, Sums]
"""Sums by metric name."""

GroupTotals = Mapping[int, Totals]
"""The same by part (`parts.Parts`); parts without rows are not there. Under `WHOLE`: sums over all
rows of metrics that no interval asks for by group."""

WHOLE = -1


def tree(
    blocks: Sequence[Range],
    leaf: Callable[[Range], T],
    combine: Callable[[T, T], T],
    *,
    token: str | None = None,
) -> Any:
    """A delayed value: `leaf` of every block, combined in a fixed order, FAN_IN at a time.

    Args:
        blocks: row ranges, at least one.
        leaf: what a task computes.
        combine: associative.
        token: part of the names of tasks, where several trees are one graph.
    """
    token = _new_token() if token is None else token
    task = delayed(leaf, pure=False)
    level = [task(block, dask_key_name=block_key(block, token)) for block in blocks]
    names = (f"merge-{token}-{blocks[0][0]:012d}-{i:09d}" for i in count())
    join = delayed(combine, pure=False)  # two at a time, so that few values wait in memory

    def merge(left: Any, right: Any) -> Any:
        return join(left, right, dask_key_name=next(names))

    while len(level) > 1:
        level = [reduce(merge, level[i : i + FAN_IN]) for i in range(0, len(level), FAN_IN)]
    return level[0]


def _new_token() -> str:
    """Two passes may be on one cluster at a time. Of equally urgent tasks Dask takes the one whose
    name comes first, so within a graph names follow the rows."""
    return secrets.token_hex(4)


def block_key(block: Range, token: str = "") -> str:
    """Name of a block's task."""
    return f"{BLOCK_PREFIX}-{token}-{block[0]:012d}-{block[1]:012d}"


def rows_of(key: str) -> int:
    """Rows of the block that a task reads; 0 for a task that reads none."""
    name, *_, start, stop = key.split("-") if key.count("-") == 3 else ("", "0", "0")
    return int(stop) - int(start) if name == BLOCK_PREFIX else 0


def metric_totals(
    reader: Reader, metrics: Sequence[Metric], blocks: Sequence[Range], *, token: str | None = None
) -> Any:
    """A delayed `Totals` of metrics that read rows: one pass for all of them."""
    return tree(blocks, BlockTotals(reader, metrics), CombineTotals(metrics), token=token)


@dataclass(frozen=True)
class Stage:
    """A run of blocks whose sums are kept when it is done."""

    metrics: Sequence[Metric]
    """What to sum up."""
    apart: frozenset[str]
    """Names of those whose sums are kept by part."""
    blocks: Sequence[Range]
    """Over which rows."""
    end: Callable[[GroupTotals], Any]
    """What becomes of the sums; called where they were summed up."""


def group_totals(reader: Reader, groups: RowGroups, stages: Sequence[Stage]) -> Any:
    """A delayed list of what becomes of each stage's `GroupTotals`: one pass for all groups.

    Args:
        reader: opens what tasks need.
        groups: of the sequences.
        stages: runs of blocks.
    """
    token, tasks = _new_token(), []
    for stage in stages:
        leaf = BlockGroups(reader, stage.metrics, stage.apart, groups)
        totals = tree(stage.blocks, leaf, CombineGroups(stage.metrics), token=token)
        name = f"stage-{token}-{stage.blocks[0][0]:012d}"
        tasks.append(delayed(stage.end, pure=False)(totals, dask_key_name=name))
    return delayed(tasks)


def tile_totals(metrics: Sequence[Metric], tile: RowBlock) -> Totals:
    """Sums of every metric over one tile, whose shared arrays are computed once."""
    return {m.name: m.partial(tile) for m in metrics}


def combine_totals(metrics: Sequence[Metric], left: Totals, right: Totals) -> Totals:
    """Sums over both."""
    return {m.name: m.combine(left[m.name], right[m.name]) for m in metrics}


class CombineTotals:
    """Sums of all metrics over two row ranges."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def __call__(self, left: Totals, right: Totals) -> Totals:
        """Combine metric by metric."""
        return combine_totals(self._metrics, left, right)


class BlockTotals:
    """Sums of all metrics over a block, tile by tile: what one task computes."""

    def __init__(self, reader: Reader, metrics: Sequence[Metric]) -> None:
        self._reader = reader
        self._metrics = metrics

    def __call__(self, block: Range) -> Totals:
        """Read the block's tiles in order and add up their sums."""
        tiles = self._reader.tiles(*block)
        totals = tile_totals(self._metrics, next(tiles))
        for tile in tiles:
            totals = combine_totals(self._metrics, totals, tile_totals(self._metrics, tile))
        return totals


class CombineGroups:
    """Sums of all metrics over two row ranges, part by part."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def __call__(self, left: GroupTotals, right: GroupTotals) -> GroupTotals:
        """Combine what both have, keep what one has."""
        both = {g: self._combine(left[g], right[g]) for g in left if g in right}
        return {**left, **right, **both}

    def _combine(self, left: Totals, right: Totals) -> Totals:
        return combine_totals([m for m in self._metrics if m.name in left], left, right)


class BlockGroups:
    """Sums of all metrics over a block, by part, tile by tile: what one task computes."""

    def __init__(
        self,
        reader: Reader,
        metrics: Sequence[Metric],
        apart: frozenset[str],
        groups: RowGroups,
    ) -> None:
        self._reader = reader
        self._metrics = metrics
        self._apart = apart
        self._groups = groups

    def __call__(self, block: Range) -> GroupTotals:
        """Read the block's tiles in order and add up the sums of each part."""
        totals: GroupTotals = {}
        add = CombineGroups(self._metrics)
        for group, tile in self._reader.tiles_by_group(*block, self._groups.of_sequence):
            totals = add(totals, self._sorted_out(group, tile_totals(self._metrics, tile)))
        return totals

    def _sorted_out(self, group: int, sums: Totals) -> GroupTotals:
        """Sums of rows of one group, by the part that each metric's go to."""
        found: dict[int, dict[str, Sums]] = {}
        for metric in self._metrics:
            held = metric.name in self._apart
            part = self._groups.parts.holding(metric, group) if held else WHOLE
            found.setdefault(part, {})[metric.name] = sums[metric.name]
        return found
