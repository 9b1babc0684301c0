"""The pass of `xc evaluate` over some blocks and metrics, under Dask and without it."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np

from xc.evaluate.blocks import Range
from xc.evaluate.clusters import RowGroups, row_groups
from xc.evaluate.config import EvaluateConfig
from xc.evaluate.graph import (
    BlockGroups,
    GroupTotals,
    Stage,
    Totals,
    combine_totals,
    group_totals,
)
from xc.evaluate.measuring import measure, stages_of
from xc.evaluate.metric import Metric, Pass
from xc.evaluate.metrics import METRICS
from xc.evaluate.parts import largest_sums
from xc.evaluate.passes import Passes
from xc.evaluate.reader import Reader
from xc.evaluate.reductions import label_of, reductions
from xc.evaluate.repetition import repetition
from xc.evaluate.scheduler import Work, compute
from xc.evaluate.selection import select
from xc.evaluate.task_graph import Carried
from xc.store_schema import Silent


def summed(names: Sequence[str] = ()) -> tuple[Metric, ...]:
    """Metrics of these names (all, if none) that read rows, with those they need, by label: those
    that sum up the same once."""
    reading = (m for m in select(METRICS, names) if m.reads is not Pass.NONE)
    return tuple(reductions(reading).values())


def of_metric(totals: Totals, name: str) -> Mapping[str, Any]:
    """The sums of a metric."""
    return totals[label_of(next(m for m in METRICS if m.name == name))]


@dataclass(frozen=True)
class AsEvaluated:
    """What a pass has at hand: sums that intervals need are taken by group."""

    reader: Reader
    """Opens store and run."""
    groups: RowGroups
    """Of the sequences, each of which is a cluster."""
    apart: frozenset[str]
    """Labels of sums by group."""

    @classmethod
    def of(cls, reader: Reader, n_rows: int) -> "AsEvaluated":
        """As many groups of the first `n_rows` rows as an evaluation has."""
        counted = np.diff(np.minimum(reader.store.sequences.row_offsets, n_rows))
        largest = largest_sums(METRICS, reader.decoder.widths)
        clusters = np.arange(len(counted))
        groups = row_groups(counted, clusters, EvaluateConfig.groups, largest=largest)
        again = (m for m in repetition(METRICS).again if m.reads is not Pass.NONE)
        return cls(reader, groups, frozenset(map(label_of, again)))

    def under_dask(self, blocks: Sequence[Range], metrics: Sequence[Metric]) -> Totals:
        """Through the graph, on threads; over all groups, by label."""
        stages = [Stage(metrics, self.apart, some, Carried.take) for some in stages_of(blocks)]
        graph = group_totals(self.reader, self.groups, stages)
        found = compute(graph, scheduler="threads", progress=Silent(), title="", rows=0)
        return together(metrics, found)

    def kept(self, blocks: Sequence[Range], metrics: Sequence[Metric]) -> Totals:
        """As an evaluation does it, sums being kept on disk: over all groups, by metric."""
        work = Work(self.reader, (), tuple(blocks), "threads", Silent())
        again = [m.name for m in repetition(metrics).again]
        with tempfile.TemporaryDirectory() as folder:
            passes = Passes(Path(folder))
            return measure(work, passes, self.groups, metrics, by_group=again).totals()

    def on_threads(self, blocks: Sequence[Range], metrics: Sequence[Metric]) -> Totals:
        """The same tasks on a thread pool."""
        step = BlockGroups(self.reader, metrics, self.apart, self.groups)

        def walk(lane: Sequence[Range]) -> GroupTotals:
            before = None
            for block in lane:
                before = Carried(step(block, before))
            return before.take() if before is not None else {}

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return together(metrics, list(pool.map(walk, stages_of(blocks))))


def together(metrics: Sequence[Metric], found: Sequence[GroupTotals]) -> Totals:
    """Sums over all groups."""
    totals: dict[str, Any] = {}
    for metric in metrics:
        own = (part for stage in found for part in stage.values() if metric.name in part)
        totals |= reduce(partial(combine_totals, [metric]), own)
    return {metric.name: totals[metric.name] for metric in metrics}
