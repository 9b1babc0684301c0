"""Quantiles over rows of the number of latents that fire: three metrics of one form."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.histogram import COUNTS, histogram, merge_histograms, quantile
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums
from xc.evaluate.row_block import RowBlock

PERCENTS = (5, 50, 95)


def partial(block: RowBlock) -> Sums:
    """How many rows have 0, 1, 2, … firing latents."""
    return histogram(block.latents.per_row)


def _finish(percent: int) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        return np.asarray(quantile(sums[COUNTS], percent))

    return finish


def _quantile(percent: int, what: str) -> Metric:
    return Metric(
        name=f"l0_p{percent:02d}",
        scope=Scope.SCALAR,
        reads=Pass.LATENTS,
        partial=partial,
        combine=merge_histograms,
        finish=_finish(percent),
        percent=percent,
        bounds=(0.0, float("inf")),
        summary=f"Number of latents that fire: {percent} % of the rows have no more.",
        formula=(
            f"smallest k with #{{rows : #{{j : f_j > 0}} ≤ k}} ≥ {percent} % of the held-out rows; "
            "exact."
        ),
        source="xc.",
        meaning=f"{what} beside the mean, l0.",
        misleads="A whole number: a small shift of all rows may not move it.",
    )


METRICS = (
    _quantile(5, "The sparse end of the rows"),
    _quantile(50, "The usual row"),
    _quantile(95, "The long tail: how dense the densest twentieth of the rows is at least,"),
)
