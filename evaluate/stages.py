"""Stages of a pass on their way to sums by group: kept as they are done, brought together at the
end."""

from collections.abc import Sequence
from functools import partial, reduce

from xc.evaluate.graph import WHOLE, GroupTotals, Totals, combine_totals
from xc.evaluate.metric import Metric
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
    """Add up the stages, one part at a time; the stages go.

    Args:
        passes: holds all stages.
        metrics: what they hold, under the metrics' names.
        parts: by which sums are kept.
        apart: labels that will be asked for by part.
    """
    by_part = [m for m in metrics if m.name in apart]
    for part in parts.all:
        held = passes.held(part)
        own = [m for m in by_part if part in parts.of(m) and m.name not in held]
        passes.save(_over_stages(passes, own, part), part)
    rest = [m for m in metrics if m.name not in apart]
    passes.save(_over_stages(passes, rest, WHOLE), None)
    passes.forget_stages()


def _over_stages(passes: Passes, metrics: Sequence[Metric], own: int) -> Totals:
    """One stage in memory at a time, beside what those before it came to."""
    labels = {m.name: m.name if own != WHOLE else f"{_WHOLE}{m.name}" for m in metrics}
    held = passes.stages() if metrics else []
    parts = (passes.load_stage(list(labels.values()), number, own) for number in held)
    named = ({name: part[k] for name, k in labels.items()} for part in parts if part is not None)
    first = next(named, {})
    return reduce(partial(combine_totals, metrics), named, first)
