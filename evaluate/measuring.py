"""The pass over the rows: what is kept already is left out, every finished group is kept."""

from collections.abc import Iterable, Sequence

from xc.evaluate.clusters import RowGroups
from xc.evaluate.graph import group_totals
from xc.evaluate.group_sums import GroupSums, Remembered
from xc.evaluate.metric import Metric, Pass
from xc.evaluate.passes import Keep, Passes
from xc.evaluate.reductions import label_of, reductions
from xc.evaluate.scheduler import Work


def measure(
    work: Work,
    passes: Passes,
    groups: RowGroups,
    metrics: Sequence[Metric],
    *,
    by_group: Iterable[str],
) -> GroupSums:
    """Sums of the metrics that read rows; one pass for all that are not kept yet.

    Args:
        work: where and over which blocks.
        passes: what is kept, and where the rest will be.
        groups: how rows are grouped.
        metrics: the metrics, those that read nothing too.
        by_group: names of those whose sums are asked for by group.
    """
    reading = tuple(m for m in metrics if m.reads is not Pass.NONE)
    wanted = reductions(reading)
    names = set(by_group)
    apart = frozenset(label_of(m) for m in reading if m.name in names)
    known = passes.held(None).keys() - apart
    missing: dict[int, tuple[Metric, ...]] = {}
    for group in range(groups.n):
        held = passes.held(group).keys() | known
        if left := tuple(m for label, m in wanted.items() if label not in held):
            missing[group] = left
    if missing:
        blocks = groups.split(work.blocks)
        graph = group_totals(
            work.reader,
            [(left, blocks[group]) for group, left in missing.items()],
            [Keep(passes, group, apart) for group in missing],
        )
        work.run(graph, "measuring", [block for group in missing for block in blocks[group]])
    passes.fold([m for k, m in wanted.items() if k not in apart | known], groups.n)
    whole = passes.load([label for label in wanted if label not in apart], None)
    passes.forget_groups(whole)
    return GroupSums(reading, groups.n, Remembered(passes.load, sorted(apart)), whole)
