"""The Dask graph, built here and nowhere else: one task per block of rows, then a fixed tree.

Building it reads nothing. A task walks its block tile by tile, so its memory does not grow with
the block. Which sums are added to which is fixed by the block numbers alone; the scheduler decides
only when, so every scheduler gives the same bits.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeVar

from dask.delayed import delayed

from xc.evaluate.blocks import Range
from xc.evaluate.metric import Metric, Sums
from xc.evaluate.reader import Reader
from xc.evaluate.row_block import RowBlock

T = TypeVar("T")

FAN_IN = 8
BLOCK_PREFIX = "block"

Totals = Mapping[str, Sums]
"""Sums by metric name."""


def tree(
    blocks: Sequence[Range],
    leaf: Callable[[Range], T],
    combine: Callable[[T, T], T],
) -> Any:
    """A delayed value: `leaf` of every block, combined in a fixed order, FAN_IN at a time.

    Args:
        blocks: row ranges, at least one.
        leaf: what a task computes.
        combine: associative.
    """
    level = [delayed(leaf, pure=False)(block, dask_key_name=block_key(block)) for block in blocks]
    merge = delayed(_Fold(combine), pure=False)
    while len(level) > 1:
        level = [merge(level[i : i + FAN_IN]) for i in range(0, len(level), FAN_IN)]
    return level[0]


def block_key(block: Range) -> str:
    """Name of a block's task."""
    return f"{BLOCK_PREFIX}-{block[0]}-{block[1]}"


def rows_of(key: str) -> int:
    """Rows of the block that a task reads; 0 for a task that reads none."""
    name, _, borders = key.partition("-")
    if name != BLOCK_PREFIX:
        return 0
    start, stop = borders.split("-")
    return int(stop) - int(start)


def metric_totals(reader: Reader, metrics: Sequence[Metric], blocks: Sequence[Range]) -> Any:
    """A delayed `Totals` of metrics that read rows: one pass for all of them."""
    return tree(blocks, BlockTotals(reader, metrics), CombineTotals(metrics))


def tile_totals(metrics: Sequence[Metric], tile: RowBlock) -> Totals:
    """Sums of every metric over one tile, whose shared arrays are computed once."""
    return {m.name: m.partial(tile) for m in metrics}


def combine_totals(metrics: Sequence[Metric], left: Totals, right: Totals) -> Totals:
    """Sums over both."""
    return {m.name: m.combine(left[m.name], right[m.name]) for m in metrics}


class _Fold:
    """Combine a list from left to right."""

    def __init__(self, combine: Callable[[T, T], T]) -> None:
        self._combine = combine

    def __call__(self, values: "list[Any]") -> Any:
        return reduce(self._combine, values)


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
