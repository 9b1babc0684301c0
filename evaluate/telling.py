"""What is told of numbers while they are found: all that reads no rows, and takes minutes where
dictionaries are wide."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from xc.evaluate.group_sums import GroupSums
from xc.evaluate.metric import Metric
from xc.store_schema import Progress

VALUES = "finding values"
INTERVALS = "finding intervals"
PARTS = "parts"
"""Choices of rows: all but some groups, or groups drawn."""


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
def telling(groups: GroupSums, progress: Progress, most: int) -> Iterator[GroupSums]:
    """The sums for intervals: a bar moves on whenever what follows from sums of some is found.

    Whether more is left out, for numbers that nothing has changed yet, turns out underway. The bar
    is as long as that may take; what is over goes to the shares of rows, which take no time.

    Args:
        groups: sums by group.
        progress: told.
        most: how often sums of some groups are asked for, at most.
    """
    bar = _Bar(progress, most)
    if not bar.left:
        yield groups
        return
    progress.start(INTERVALS, bar.left, PARTS)
    try:
        yield replace(groups, told=lambda: bar.move(1))
        bar.move(bar.left)
    finally:
        progress.finish()


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
