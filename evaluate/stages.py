"""Stages of a pass on their way to sums by group: kept as they are done, brought together at the
end."""

from collections.abc import Sequence
from functools import reduce

from xc.evaluate.graph import GroupTotals, Totals, combine_totals
from xc.evaluate.metric import Metric
from xc.evaluate.passes import Passes


class KeepStage:
    """The task that ends a stage: its sums go to the disk, nothing comes back."""

    def __init__(self, passes: Passes, number: int, labels: Sequence[str]) -> None:
        self._passes = passes
        self._number = number
        self._labels = labels

    def __call__(self, totals: GroupTotals) -> None:
        """Write them."""
        self._passes.save_stage(totals, self._number, self._labels)


def bring_together(
    passes: Passes, metrics: Sequence[Metric], groups: int, *, apart: frozenset[str]
) -> None:
    """Add up the stages of each group, one group at a time; the stages go.

    Args:
        passes: holds all stages.
        metrics: what they hold, under the metrics' names.
        groups: number of groups.
        apart: labels that will be asked for by group; they lie apart from the others.
    """
    for group in range(groups):
        held = passes.held(group)
        some = [m for m in metrics if m.name not in held]
        totals = _of_group(passes, some, group)
        for side in (True, False):
            own = {label: s for label, s in totals.items() if (label in apart) is side}
            passes.save(own, group)
    passes.forget_stages()


def _of_group(passes: Passes, metrics: Sequence[Metric], group: int) -> Totals:
    labels = [m.name for m in metrics]
    parts = (passes.load_stage(labels, number, group) for number in passes.stages())
    found = [part for part in parts if part is not None]
    return reduce(lambda a, b: combine_totals(metrics, a, b), found) if found else {}
