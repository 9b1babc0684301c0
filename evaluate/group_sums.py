"""Sums of every group of rows: all of them together, with each left out in turn, or drawn."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial, reduce
from itertools import repeat

import numpy as np

from xc.evaluate.graph import Totals, combine_totals
from xc.evaluate.metric import Metric, Sums, add
from xc.evaluate.parts import Parts
from xc.evaluate.reductions import label_of, reductions

Load = Callable[[Sequence[str], int], Totals]
"""Sums of a part of the rows, by the labels of their reductions."""

Unit = tuple[int, ...]
"""Parts that are left out together: of the small sums, of the large ones."""

BUDGET = 1 << 28
"""Bytes of groups' sums that stay in memory once loaded; what is beyond is loaded again."""
LITTLE = 1 << 16
"""Bytes of a sum that stays even so: it takes as long to find as a large one."""


@dataclass(frozen=True)
class GroupSums:
    """The sums of metrics by group; they are loaded one part at a time."""

    metrics: tuple[Metric, ...]
    """Metrics that read rows."""
    n: int
    """Number of groups."""
    load: Load
    """Gives what a part (`parts.Parts`) summed up to."""
    whole: Totals = field(default_factory=dict)
    """What is known over all rows alone, by label."""
    coarse: int = 0
    """Number of coarser groups that large sums are kept in; 0 where those too are by group."""
    told: Callable[[], object] = lambda: None
    """Called when nothing more is asked of the sums of a choice of groups."""

    @property
    def parts(self) -> Parts:
        """By which sums are kept."""
        return Parts(self.n, self.coarse)

    def totals(self) -> dict[str, Sums]:
        """Sums over all rows, by metric name."""
        some = {k: m for k, m in reductions(self.metrics).items() if k not in self.whole}
        return self._named({**self._over_all(some), **self.whole})

    def of(self, name: str) -> Sums:
        """Sums over all rows of one metric."""
        metric = next(m for m in self.metrics if m.name == name)
        label = label_of(metric)
        if label in self.whole:
            return self.whole[label]
        return self._over_all(reductions([metric]))[label]

    def without_each(
        self, names: Collection[str], *, coarsely: bool = False
    ) -> Iterator[dict[str, Sums]]:
        """Sums over all groups but one, for each in turn, of some metrics, by metric name.

        What lies outside of a run of groups is handed down by halves, so that no more than
        log₂(groups) sums are held at a time and nothing is ever subtracted.

        Args:
            names: of the metrics; those with large sums only if it is coarsely.
            coarsely: whether it is the coarser groups that are left out.
        """
        some = reductions([m for m in self.metrics if m.name in names])
        units = self._units(coarsely=coarsely)
        if len(units) > 1:
            for totals in self._outside(units, some, None):
                yield self._named(totals)
                self.told()

    def without_sets(
        self, names: Collection[str], sets: Iterable[Collection[int]]
    ) -> Iterator[dict[str, Sums]]:
        """Sums over all groups but those of a set, for each set in turn, by metric name.

        Args:
            names: of the metrics; none with large sums.
            sets: numbers of groups.
        """
        some = reductions([m for m in self.metrics if m.name in names])
        for left_out in sets:
            kept = [(group,) for group in range(self.n) if group not in left_out]
            yield self._named(self._fold(kept, some))
            self.told()

    def redrawn(
        self, names: Collection[str], draws: np.ndarray, *, coarsely: bool = False
    ) -> Iterator[dict[str, Sums]]:
        """Sums over groups that count so many times each, for each draw in turn, by metric name.

        Args:
            names: of the metrics; those with large sums only if it is coarsely.
            draws: int64 [draw, group], at least one of each draw more than 0.
            coarsely: whether it is the coarser groups that are drawn.
        """
        some = reductions([m for m in self.metrics if m.name in names])
        units = self._units(coarsely=coarsely)
        for counts in draws.tolist():
            yield self._named(self._fold(units, some, counts))
            self.told()

    def present(self, *names: str) -> np.ndarray:
        """Whether a group has any row that the first metric of these names that reads rows is
        about, bool [group]."""
        name = next(m.name for m in self.metrics if m.name in names)
        return np.array([_any(sums) for sums in self.each(name)])

    def each(self, name: str) -> Iterator[Sums]:
        """Sums of one metric over each group of rows that they are kept by."""
        metric, label = next(m for m in self.metrics if m.name == name), self._labels[name]
        for part in self.parts.of(metric):
            yield self.load([label], part)[label]

    def _named(self, totals: Totals) -> dict[str, Sums]:
        return {name: totals[label] for name, label in self._labels.items() if label in totals}

    @cached_property
    def _labels(self) -> dict[str, str]:
        """By metric name: they are asked for as often as anything is left out."""
        return {m.name: label_of(m) for m in self.metrics}

    def _units(self, *, coarsely: bool) -> list[Unit]:
        """What is left out in turn, as the parts that it is made of."""
        if not coarsely:
            return [(group,) for group in range(self.n)]
        n, m = self.n, self.coarse
        return [(*range(k, n, m), n + k) for k in range(m)]

    def _over_all(self, some: Mapping[str, Metric]) -> Totals:
        return self._fold([tuple(self.parts.all)], some)

    def _fold(
        self, units: Sequence[Unit], some: Mapping[str, Metric], counts: Iterable[int] = repeat(1)
    ) -> Totals:
        """Sums over all parts of these that hold a metric, each unit counted so many times."""
        parts = [(part, n) for unit, n in zip(units, counts, strict=False) if n for part in unit]
        totals: dict[str, Sums] = {}
        for held, own in self.parts.sorted_out(some):
            loaded = (
                _times(n, own, self.load(list(own), part)) for part, n in parts if part in held
            )
            totals |= reduce(partial(combine_totals, list(own.values())), loaded)
        return totals

    def _outside(
        self, units: Sequence[Unit], some: Mapping[str, Metric], outside: Totals | None
    ) -> Iterator[Totals]:
        if len(units) == 1:
            if outside is not None:
                yield outside
            return
        middle = len(units) // 2
        halves = units[:middle], units[middle:]
        for inner, outer in (halves, halves[::-1]):
            more = self._fold(outer, some)
            if outside is not None:
                more = combine_totals(list(some.values()), outside, more)
            yield from self._outside(inner, some, more)


class Remembered:
    """A `Load` that reads a group once, as long as all that it holds stays below `BUDGET`; of
    groups beyond, sums of no more than `LITTLE` bytes."""

    def __init__(self, load: Load, labels: Sequence[str]) -> None:
        self._load = load
        self._labels = frozenset(labels)
        self._groups: dict[int, Totals] = {}
        self._left = BUDGET

    def __call__(self, labels: Sequence[str], group: int) -> Totals:
        """Sums of a group under these labels; what else than its own they are, is read."""
        if not self._labels >= set(labels):
            return self._load(labels, group)
        if group not in self._groups:
            self._groups[group] = self._staying(self._load(sorted(self._labels), group))
        known = self._groups[group]
        lacking = [label for label in labels if label not in known]
        more = self._load(lacking, group) if lacking else {}
        return {label: known[label] if label in known else more[label] for label in labels}

    def _staying(self, found: Totals) -> Totals:
        size = {label: sum(a.nbytes for a in sums.values()) for label, sums in found.items()}
        self._left -= sum(size.values())
        return {k: sums for k, sums in found.items() if self._left >= 0 or size[k] <= LITTLE}


def _times(n: int, some: Mapping[str, Metric], totals: Totals) -> Totals:
    """The same rows n times."""
    if n == 1:
        return totals
    return {
        label: {key: n * value for key, value in totals[label].items()}
        if metric.combine is add
        else reduce(metric.combine, repeat(totals[label], n))
        for label, metric in some.items()
    }


def _any(sums: Sums) -> bool:
    return any(array.size and array.any() for array in sums.values())
