"""What has to be found again without a group of rows, and which numbers cannot be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xc.evaluate.metric import Metric, Pass

FIXED = "it does not depend on the held-out rows"
DRAWN = "it is drawn with the seed, and of other rows other ones would be drawn"
BY_SIZE = "it follows from the number of rows alone"
COSTLY = "it is too costly to be found again without each group of rows"

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
    """Names of metrics that do not depend on the rows: their values stay."""


def repetition(metrics: Sequence[Metric], *, widest: int) -> Repetition:
    """Sort the metrics out; those with a `statistic` have intervals of their own.

    Args:
        metrics: in the order of the table.
        widest: largest d_model of a source.
    """
    reasons: dict[str, str] = {}
    for metric in metrics:
        if (why := _why_not(metric, reasons, widest)) is not None:
            reasons[metric.name] = why
    numbers = [m for m in metrics if not m.scope.is_column and m.statistic is None]
    repeated = [m for m in numbers if m.name not in reasons]
    wanted = {m.name for m in repeated} | set(BEHIND_COUNTS)
    for metric in reversed(metrics):
        wanted |= set(metric.needs) if metric.name in wanted else set()
    fixed = frozenset(name for name, why in reasons.items() if why == FIXED)
    return Repetition(
        tuple(m for m in metrics if m.name in wanted - fixed),
        tuple(repeated),
        {m: reasons[m.name] for m in numbers if m.name in reasons},
        fixed,
    )


def _why_not(metric: Metric, reasons: Mapping[str, str], widest: int) -> str | None:
    needed = [reasons.get(name) for name in metric.needs]
    if metric.reads is Pass.NONE and all(why == FIXED for why in needed):
        return FIXED
    if metric.by_size:
        return BY_SIZE
    if metric.drawn:
        return DRAWN
    if not metric.repeated or (metric.widest is not None and widest > metric.widest):
        return COSTLY
    return next((why for why in needed if why in (DRAWN, COSTLY)), None)
