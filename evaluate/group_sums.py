"""Sums of every group of rows: all of them together, and with each group left out in turn."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from xc.evaluate.graph import Totals, combine_totals
from xc.evaluate.metric import Metric, Sums
from xc.evaluate.reductions import label_of, reductions

Load = Callable[[Sequence[str], int], Totals]
"""Sums of a group, by the labels of their reductions."""

BUDGET = 1 << 28
"""Bytes of groups' sums that stay in memory once loaded; what is beyond is loaded again."""


@dataclass(frozen=True)
class GroupSums:
    """The sums of metrics by group; they are loaded one group at a time."""

    metrics: tuple[Metric, ...]
    """Metrics that read rows."""
    n: int
    """Number of groups."""
    load: Load
    """Gives what a group summed up to."""
    whole: Totals = field(default_factory=dict)
    """What is known over all rows alone, by label."""

    def totals(self) -> dict[str, Sums]:
        """Sums over all rows, by metric name."""
        some = {k: m for k, m in reductions(self.metrics).items() if k not in self.whole}
        return self._named({**self._fold(range(self.n), some), **self.whole})

    def of(self, name: str) -> Sums:
        """Sums over all rows of one metric."""
        metric = next(m for m in self.metrics if m.name == name)
        label = label_of(metric)
        if label in self.whole:
            return self.whole[label]
        return self._fold(range(self.n), reductions([metric]))[label]

    def without_each(self, names: Sequence[str]) -> Iterator[dict[str, Sums]]:
        """Sums over all groups but one, for each in turn, of some metrics, by metric name.

        What lies outside of a run of groups is handed down by halves, so that no more than
        log₂(groups) sums are held at a time and nothing is ever subtracted.
        """
        some = reductions([m for m in self.metrics if m.name in names])
        if self.n > 1:
            yield from map(self._named, self._outside(range(self.n), some, None))

    def present(self, name: str) -> np.ndarray:
        """Whether a group has any row that the metric of this name is about, bool [group]."""
        metric = next(m for m in self.metrics if m.name == name)
        label = label_of(metric)
        return np.array([_any(self.load([label], group)[label]) for group in range(self.n)])

    def _named(self, totals: Totals) -> dict[str, Sums]:
        return {m.name: totals[label] for m in self.metrics if (label := label_of(m)) in totals}

    def _fold(self, groups: Sequence[int], some: Mapping[str, Metric]) -> Totals:
        parts = (self.load(list(some), group) for group in groups)
        return reduce(lambda a, b: combine_totals(list(some.values()), a, b), parts)

    def _outside(
        self, groups: Sequence[int], some: Mapping[str, Metric], outside: Totals | None
    ) -> Iterator[Totals]:
        if len(groups) == 1:
            if outside is not None:
                yield outside
            return
        middle = len(groups) // 2
        halves = groups[:middle], groups[middle:]
        for inner, outer in (halves, halves[::-1]):
            more = self._fold(outer, some)
            if outside is not None:
                more = combine_totals(list(some.values()), outside, more)
            yield from self._outside(inner, some, more)


class Remembered:
    """A `Load` that reads a group once, as long as all that it holds stays below `BUDGET`."""

    def __init__(self, load: Load, labels: Sequence[str]) -> None:
        self._load = load
        self._labels = labels
        self._groups: dict[int, Totals] = {}
        self._left = BUDGET

    def __call__(self, labels: Sequence[str], group: int) -> Totals:
        """Sums of a group under these labels."""
        if group not in self._groups and self._left > 0:
            found = self._load(self._labels, group)
            self._left -= sum(a.nbytes for sums in found.values() for a in sums.values())
            if self._left >= 0:
                self._groups[group] = found
        whole = self._groups.get(group)
        if whole is None:
            return self._load(labels, group)
        return {label: whole[label] for label in labels}


def _any(sums: Sums) -> bool:
    return any(array.size and array.any() for array in sums.values())
