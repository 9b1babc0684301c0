"""The ways in which intervals are found: one row each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from xc.evaluate.bootstrap import FEW, FEWEST
from xc.evaluate.config import BOOTSTRAP, JACKKNIFE
from xc.evaluate.facts import Facts
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.intervals import Intervals, jackknife_intervals
from xc.evaluate.left_out import left_out_at_most
from xc.evaluate.metric import Metric
from xc.evaluate.redrawn_intervals import redrawn_intervals
from xc.evaluate.redraws import redrawn_at_most
from xc.evaluate.repetition import Repetition
from xc.evaluate.twins.choices import (
    Choice,
    Ends,
    choices_redrawn,
    choices_without,
    left_out_intervals,
    redrawn_twin_intervals,
)

Metrics = Sequence[Metric]


@dataclass(frozen=True)
class Kind:
    """What it does with groups of rows."""

    intervals: Callable[[Metrics, GroupSums, Facts], Intervals]
    """Those of all numbers but means over rows and numbers of twins."""
    choices: Callable[[Metrics, GroupSums, Facts], list[Choice]]
    """Rows that twins are matched over."""
    of_twins: Ends
    """What comes of them."""
    most: Callable[[Repetition, GroupSums], int]
    """How often sums of some groups are asked for by `intervals`, at most."""
    few: int
    """Clusters below which means over rows have each left out in turn, and are not redrawn."""


KINDS: Mapping[str, Kind] = {
    JACKKNIFE: Kind(
        jackknife_intervals, choices_without, left_out_intervals, left_out_at_most, FEW
    ),
    BOOTSTRAP: Kind(
        redrawn_intervals, choices_redrawn, redrawn_twin_intervals, redrawn_at_most, FEWEST
    ),
}
