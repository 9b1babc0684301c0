"""What is told of numbers while they are found: all that reads no rows, and takes minutes where
dictionaries are wide."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from xc.evaluate.group_sets import HALF, at_once
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.metric import Metric
from xc.evaluate.repetition import Repetition, repetition
from xc.store_schema import Progress

VALUES = "finding values"
INTERVALS = "finding intervals"
PARTS = "parts"
"""All rows but some groups."""


def one_by_one(metrics: Sequence[Metric], progress: Progress) -> Iterator[Metric]:
    """The metrics for `finishing.finish_all`: a bar moves on with each whose value is there."""
    progress.start(VALUES, len(metrics), "metrics")
    try:
        for metric in metrics:
            yield metric
            progress.advance(1)
    finally:
        progress.finish()


@contextmanager
def telling(
    groups: GroupSums, metrics: Sequence[Metric], progress: Progress
) -> Iterator[GroupSums]:
    """The sums for `intervals.jackknife_intervals`: a bar moves on with all that it leaves out.

    Whether more is left out, for numbers that nothing has changed yet, turns out underway. The bar
    is as long as `left_out` may take; what is over goes to the shares of rows, which take no time.
    """
    bar = _Bar(progress, most(repetition(metrics), groups))
    if not bar.left:
        yield groups
        return
    progress.start(INTERVALS, bar.left, PARTS)
    try:
        yield replace(groups, told=lambda: bar.move(1))
        bar.move(bar.left)
    finally:
        progress.finish()


def most(plan: Repetition, groups: GroupSums) -> int:
    """How often something is left out by `left_out`, at most."""
    n = groups.n
    rounds = 2 + len({at_once(n), at_once(n, HALF)} - {1})
    return (rounds * n if n > 1 else 0) + (groups.coarse if plan.large else 0)


class _Bar:
    """Moves a progress on, and never past its end."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self.left = total

    def move(self, amount: int) -> None:
        """Advance."""
        if own := min(amount, self.left):
            self.left -= own
            self._progress.advance(own)
