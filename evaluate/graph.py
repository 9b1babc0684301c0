"""The Dask graph of the metrics: one task per block of rows (a shard, by default), in a few lanes.

Sums of each group of rows are kept apart. Rows come in stages; within a stage every block is added
to the one before it, and what a stage has summed up can be kept. Building it reads nothing. A task
walks its block tile by tile, so that memory grows neither with the block nor with their number.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dask.delayed import delayed

from xc.evaluate.blocks import Range
from xc.evaluate.clusters import RowGroups
from xc.evaluate.metric import Metric, Sums
from xc.evaluate.reader import Reader
from xc.evaluate.row_block import RowBlock
from xc.evaluate.task_graph import Carried, lane, new_token

Totals = Mapping[str, Sums]
"""Sums by metric name."""

GroupTotals = Mapping[int, Totals]
"""The same by part (`parts.Parts`); parts without rows are not there. Under `WHOLE`: sums over all
rows of metrics that no interval asks for by group."""

WHOLE = -1


@dataclass(frozen=True)
class Stage:
    """A run of blocks whose sums are kept when it is done."""

    metrics: Sequence[Metric]
    """What to sum up."""
    apart: frozenset[str]
    """Names of those whose sums are kept by part."""
    blocks: Sequence[Range]
    """Over which rows."""
    end: Callable[[Carried[GroupTotals]], Any]
    """What becomes of the sums; called where they were summed up."""


def group_totals(
    reader: Reader, groups: RowGroups, stages: Sequence[Stage], *, stays: bool = False
) -> Any:
    """A delayed list of what becomes of each stage's `GroupTotals`: one pass for all groups.

    Args:
        reader: opens what tasks need.
        groups: of the sequences.
        stages: runs of blocks.
        stays: of `task_graph.lane`.
    """
    token, tasks = new_token(), []
    for stage in stages:
        step = BlockGroups(reader, stage.metrics, stage.apart, groups)
        totals = lane(stage.blocks, step, token, stays=stays)
        name = f"stage-{token}-{stage.blocks[0][0]:012d}"
        tasks.append(delayed(stage.end, pure=False)(totals, dask_key_name=name))
    return delayed(tasks)


def tile_totals(metrics: Sequence[Metric], tile: RowBlock) -> Totals:
    """Sums of every metric over one tile, whose shared arrays are computed once."""
    return {m.name: m.partial(tile) for m in metrics}


def combine_totals(metrics: Sequence[Metric], left: Totals, right: Totals) -> Totals:
    """Sums over both."""
    return {m.name: m.combine(left[m.name], right[m.name]) for m in metrics}


class BlockGroups:
    """Sums of all metrics over a block and those before it, by part: a step of a lane."""

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

    def __call__(self, block: Range, before: Carried[GroupTotals] | None = None) -> GroupTotals:
        """Read the block's tiles in order; add the sums of each part to those before."""
        totals = dict(before.take()) if before is not None else {}
        for group, tile in self._reader.tiles_by_group(*block, self._groups.of_sequence):
            for part, own in self._sorted_out(group, tile_totals(self._metrics, tile)).items():
                totals[part] = self._combined(totals[part], own) if part in totals else own
        return totals

    def _combined(self, left: Totals, right: Totals) -> Totals:
        return combine_totals([m for m in self._metrics if m.name in left], left, right)

    def _sorted_out(self, group: int, sums: Totals) -> GroupTotals:
        """Sums of rows of one group, by the part that each metric's go to."""
        found: dict[int, dict[str, Sums]] = {}
        for metric in self._metrics:
            held = metric.name in self._apart
            part = self._groups.parts.holding(metric, group) if held else WHOLE
            found.setdefault(part, {})[metric.name] = sums[metric.name]
        return found
