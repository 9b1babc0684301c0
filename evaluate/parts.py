"""By which parts of the rows sums are kept: groups, and for large sums fewer, coarser groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xc.evaluate.metric import Metric

BUDGET = 1 << 26
"""Bytes that one metric's sums by group may take together, wherever they are held."""
FEWEST = 5
"""Groups that an interval needs at least, whatever they take: t of 4 degrees of freedom is 2.8."""


def coarse_groups(n_bytes: int, groups: int) -> int:
    """How many groups sums of this size are kept in: those that fit, at least `FEWEST`, at most
    all."""
    return min(groups, max(FEWEST, BUDGET // max(n_bytes, 1)))


def largest_sums(metrics: Sequence[Metric], widths: Sequence[int]) -> int:
    """Bytes of the largest sums of a metric, for sources of these widths."""
    return max((m.bytes_of_sums(widths) for m in metrics if m.bytes_of_sums), default=0)


@dataclass(frozen=True)
class Parts:
    """Numbers of parts: g < groups is a group, groups + k those groups whose g % coarse is k."""

    groups: int
    """Number of groups."""
    coarse: int = 0
    """Number of coarser ones; 0 where large sums too are kept by group."""

    @property
    def all(self) -> range:
        """Every part."""
        return range(self.groups + self.coarse)

    def is_coarse(self, metric: Metric) -> bool:
        """Whether its sums are kept by the coarser groups."""
        return self.coarse > 0 and metric.bytes_of_sums is not None

    def of(self, metric: Metric) -> range:
        """The parts that its sums are kept by; together they are all rows."""
        start, stop = self.groups, self.groups + self.coarse
        return range(start, stop) if self.is_coarse(metric) else range(start)

    def holding(self, metric: Metric, group: int) -> int:
        """The part that the rows of a group go to."""
        return self.groups + group % self.coarse if self.is_coarse(metric) else group

    def sorted_out(
        self, metrics: Mapping[str, Metric]
    ) -> Iterator[tuple[range, dict[str, Metric]]]:
        """Metrics that are kept by the same parts, with these parts."""
        for coarse in (False, True):
            own = {k: m for k, m in metrics.items() if self.is_coarse(m) == coarse}
            if own:
                yield self.of(next(iter(own.values()))), own
