"""The pass over the rows: what is kept already is left out, every finished stage is kept."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from xc.evaluate.blocks import Range
from xc.evaluate.clusters import RowGroups
from xc.evaluate.graph import Stage, group_totals
from xc.evaluate.group_sums import GroupSums, Remembered
from xc.evaluate.metric import Metric, Pass
from xc.evaluate.parts import Parts
from xc.evaluate.passes import Passes
from xc.evaluate.plural import plural
from xc.evaluate.reductions import label_of, reductions
from xc.evaluate.scheduler import Work
from xc.evaluate.stages import KeepStage, bring_together, label_in_stage

STAGES = 16
"""Parts of a pass, each of which is kept when it is done. The blocks of one are added up one after
the other, so that it is also how many tasks run at a time at most."""


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
    if dropped := passes.drop_damaged():
        work.progress.note(
            f"{passes.folder}: kept sums were damaged ({plural(dropped, 'file')}); they are taken "
            "again"
        )
    reading = tuple(m for m in metrics if m.reads is not Pass.NONE)
    wanted = reductions(reading)
    names = set(by_group)
    apart = frozenset(label_of(m) for m in reading if m.name in names)
    known = passes.held(None).keys() - apart
    parts = groups.parts
    held = {part: passes.held(part).keys() for part in parts.all}
    lacking = {k for k, m in wanted.items() for part in parts.of(m) if k not in held[part]} - known
    missing = tuple(metric for label, metric in wanted.items() if label in lacking)
    if missing:
        _read(work, passes, groups, missing, apart)
        bring_together(passes, missing, parts, apart=apart)
        known = passes.held(None).keys() - apart
    passes.fold([m for k, m in wanted.items() if k not in apart | known], parts)
    whole = passes.load([label for label in wanted if label not in apart], None)
    passes.forget_groups(whole)
    return GroupSums(
        reading, groups.n, _remembered(passes, wanted, apart, parts), whole, parts.coarse
    )


def _remembered(
    passes: Passes, wanted: Mapping[str, Metric], apart: frozenset[str], parts: Parts
) -> Remembered:
    """What loads sums; large ones anew each time."""
    small = sorted(k for k in apart if not parts.is_coarse(wanted[k]))
    return Remembered(passes.load, small)


def _read(
    work: Work,
    passes: Passes,
    groups: RowGroups,
    missing: Sequence[Metric],
    apart: frozenset[str],
) -> None:
    """Sum up the stages that are not kept."""
    stages: list[Stage] = []
    for number, blocks in enumerate(stages_of(work.blocks)):
        held = passes.stage(number)
        if left := [m for m in missing if label_in_stage(m.name, apart) not in held]:
            end = KeepStage(passes, number, [label_in_stage(m.name, apart) for m in left])
            stages.append(Stage(left, apart, blocks, end))
    if stages:
        graph = group_totals(work.reader, groups, stages, stays=work.on_cluster)
        work.run(graph, "measuring", [block for stage in stages for block in stage.blocks])


def stages_of(blocks: Sequence[Range]) -> tuple[Sequence[Range], ...]:
    """At most `STAGES` runs of blocks, about equally many in each."""
    n = min(STAGES, len(blocks))
    cuts = [len(blocks) * i // n for i in range(n + 1)]
    return tuple(blocks[a:b] for a, b in pairwise(cuts))
