"""Stages of a pass on their way to sums by group: kept as they are done, brought together at the
end."""

from collections.abc import Mapping, Sequence

from xc.evaluate.graph import WHOLE, GroupTotals
from xc.evaluate.metric import Metric, Sums
from xc.evaluate.parts import Parts
from xc.evaluate.passes import Passes
from xc.evaluate.task_graph import Carried

_WHOLE = "all groups: "
"""Before the labels of sums over all groups."""


class KeepStage:
    """The task that ends a stage: its sums go to the disk, nothing comes back."""

    def __init__(self, passes: Passes, number: int, labels: Sequence[str]) -> None:
        self._passes = passes
        self._number = number
        self._labels = labels

    def __call__(self, carried: Carried[GroupTotals]) -> None:
        """Write them."""
        totals = carried.take()
        whole = {f"{_WHOLE}{label}": sums for label, sums in totals.get(WHOLE, {}).items()}
        named = {**totals, WHOLE: whole} if whole else totals
        self._passes.save_stage(named, self._number, self._labels)


def label_in_stage(label: str, apart: frozenset[str]) -> str:
    """What a label is called in a stage: sums over all groups are not those by group."""
    return label if label in apart else f"{_WHOLE}{label}"


def bring_together(
    passes: Passes, metrics: Sequence[Metric], parts: Parts, *, apart: frozenset[str]
) -> None:
    """Add up the stages, one after the other; the stages go.

    Args:
        passes: holds all stages.
        metrics: what they hold, under the metrics' names.
        parts: by which sums are kept.
        apart: labels that will be asked for by part.
    """
    lacking: dict[int, list[Metric]] = {}
    for part in (*parts.all, WHOLE):
        held = passes.held(_kept_as(part))
        own = (m for m in metrics if part in (parts.of(m) if m.name in apart else (WHOLE,)))
        lacking[part] = [m for m in own if m.name not in held]
    for part, totals in _over_stages(passes, lacking, apart).items():
        passes.save(totals, _kept_as(part))
    passes.forget_stages()


def _over_stages(
    passes: Passes, wanted: Mapping[int, Sequence[Metric]], apart: frozenset[str]
) -> GroupTotals:
    """Sums of these metrics of each part, over all stages, in the stages' order."""
    totals: dict[int, dict[str, Sums]] = {part: {} for part in wanted}
    labels = {m.name: label_in_stage(m.name, apart) for own in wanted.values() for m in own}
    for number in passes.stages():
        for part, more in passes.of_stage(number, labels.values()):
            known = totals[part]
            for metric in wanted[part]:
                sums = more.get(labels[metric.name])
                if sums is not None:
                    before = known.get(metric.name)
                    known[metric.name] = sums if before is None else metric.combine(before, sums)
    return totals


def _kept_as(part: int) -> int | None:
    return None if part == WHOLE else part
