"""Cutting row ranges into tasks and tiles, always at the same absolute rows."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil

Range = tuple[int, int]

ENOUGH = 64
"""Blocks that keep a machine's cores busy: four for each of sixteen lanes."""
LEAST_ROWS = 16384
"""A shard is cut into no smaller parts than this: tasks are to take seconds, not moments."""


def cut(start: int, stop: int, size: int) -> tuple[Range, ...]:
    """[start, stop) cut at multiples of `size`: no cut depends on where the range begins."""
    borders = [start, *range((start // size + 1) * size, stop, size), stop]
    return tuple((a, b) for a, b in pairwise(borders) if b > a)


def cut_all(ranges: Sequence[Range], size: int) -> tuple[Range, ...]:
    """Several ranges cut likewise, in order."""
    return tuple(piece for a, b in ranges for piece in cut(a, b, size))


def default_rows(ranges: Sequence[Range], *, shard_rows: int, tile_rows: int) -> int:
    """Rows of a block where none are asked for: a shard; half, a quarter, … of one in a store of
    few shards, until there are `ENOUGH` blocks.

    Nothing of the machine is in it, so that sums are added in the same order everywhere.

    Args:
        ranges: the rows, cut at the borders of shards.
        shard_rows: rows of a shard.
        tile_rows: a part of a shard is a multiple of it.
    """
    size = shard_rows
    while len(cut_all(ranges, size)) < ENOUGH:
        part = ceil(size / 2 / tile_rows) * tile_rows
        if not LEAST_ROWS <= part < size:
            break
        size = part
    return size
