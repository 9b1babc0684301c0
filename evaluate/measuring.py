"""The pass over the rows: what is kept already is left out, every finished group is kept."""

from collections.abc import Sequence

from xc.evaluate.clusters import RowGroups
from xc.evaluate.graph import group_totals
from xc.evaluate.group_sums import GroupSums, Remembered
from xc.evaluate.metric import Metric, Pass
from xc.evaluate.passes import Keep, Passes
from xc.evaluate.reductions import reductions
from xc.evaluate.scheduler import Work


def measure(work: Work, passes: Passes, groups: RowGroups, metrics: Sequence[Metric]) -> GroupSums:
    """Sums of the metrics that read rows, by group; one pass for all that are not kept yet.

    Args:
        work: where and over which blocks.
        passes: what is kept, and where the rest will be.
        groups: how rows are grouped.
        metrics: the metrics, those that read nothing too.
    """
    reading = tuple(m for m in metrics if m.reads is not Pass.NONE)
    wanted = reductions(reading)
    blocks = groups.split(work.blocks)
    missing: dict[int, tuple[Metric, ...]] = {}
    for group in range(groups.n):
        held = passes.held(group)
        if left := tuple(m for label, m in wanted.items() if label not in held):
            missing[group] = left
    if missing:
        graph = group_totals(
            work.reader,
            [(left, blocks[group]) for group, left in missing.items()],
            [Keep(passes, group) for group in missing],
        )
        work.run(graph, "measuring", [block for group in missing for block in blocks[group]])
    return GroupSums(reading, groups.n, Remembered(passes.load, list(wanted)))
