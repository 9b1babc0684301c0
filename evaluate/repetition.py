"""What has to be found again without a group of rows, and which numbers cannot be."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from xc.evaluate.metric import Metric, Pass, Scope

FIXED = "it does not depend on the held-out rows"
DRAWN = "it is drawn with the seed, and of other rows other ones would be drawn"
HELD = "it tells how many rows there are"
FOLLOWS = "it follows from how many rows there are and from nothing that a group of rows changes"

BEHIND_COUNTS = ("class", "frequency")
"""Metrics that counts by class are taken from."""


@dataclass(frozen=True)
class Repetition:
    """Which metrics are finished again for intervals."""

    again: tuple[Metric, ...]
    """In the order of the table."""
    numbers: tuple[Metric, ...]
    """Those of them that are to have an interval."""
    without: Mapping[Metric, str]
    """Numbers that cannot have one, and why."""
    fixed: frozenset[str]
    """Names of metrics that do not depend on which rows there are: their values stay."""
    counting: frozenset[str]
    """Names of metrics that are taken from how many rows there are, among other things."""

    @property
    def large(self) -> frozenset[str]:
        """Names of those behind which are sums that may be large."""
        found = set[str]()
        for metric in self.again:
            if metric.bytes_of_sums is not None or found & set(metric.needs):
                found.add(metric.name)
        return frozenset(found)

    def of(self, names: Set[str]) -> "Repetition":
        """What has to be found again for these metrics alone."""
        wanted = _with_needs(self.again, names)
        again = tuple(m for m in self.again if m.name in wanted)
        return replace(self, again=again, numbers=tuple(m for m in self.numbers if m.name in names))


def repetition(metrics: Sequence[Metric]) -> Repetition:
    """Sort the metrics out; those with a `statistic` have intervals of their own.

    Args:
        metrics: in the order of the table.
    """
    reasons: dict[str, str] = {}
    for metric in metrics:
        if (why := _why_not(metric, reasons)) is not None:
            reasons[metric.name] = why
    numbers = [m for m in metrics if _is_number(m) and m.statistic is None]
    repeated = [m for m in numbers if m.name not in reasons]
    wanted = _with_needs(metrics, {m.name for m in repeated} | set(BEHIND_COUNTS))
    fixed = frozenset(name for name, why in reasons.items() if why in (FIXED, HELD))
    return Repetition(
        tuple(m for m in metrics if m.name in wanted - fixed),
        tuple(repeated),
        {m: reasons[m.name] for m in numbers if m.name in reasons},
        fixed,
        frozenset(m.name for m in metrics if any(reasons.get(need) == HELD for need in m.needs)),
    )


def _is_number(metric: Metric) -> bool:
    return not metric.scope.is_column and metric.scope is not Scope.PAIR_NUMBERS


def _with_needs(metrics: Sequence[Metric], names: Set[str]) -> Set[str]:
    """These names, and those of the metrics behind them."""
    wanted = set(names)
    for metric in reversed(metrics):
        wanted |= set(metric.needs) if metric.name in wanted else set()
    return wanted


def _why_not(metric: Metric, reasons: Mapping[str, str]) -> str | None:
    needed = [reasons.get(name) for name in metric.needs]
    if metric.reads is Pass.NONE and all(why == FIXED for why in needed):
        return FIXED
    if metric.held:
        return HELD
    if metric.drawn:
        return DRAWN
    return DRAWN if DRAWN in needed else None
