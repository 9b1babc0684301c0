"""Explained variance as Kissane's code has it: a ratio per row, then the mean of the ratios."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.row_block import RowBlock
from xc.evaluate.row_means import mean_statistic, means_over_rows, shares
from xc.evaluate.sequence_sums import merge, totals

CENTRE = (
    "x̄ is the store's mean over the rows of its mask, not, as in the original, that of a batch: "
    "no value depends on how the rows are cut"
)


def partial(block: RowBlock) -> Sums:
    """Per sequence: rows, and of each source the rows with a ratio and their sum."""
    return means_over_rows(block, shares(block.error, block.deviation))


def statistic(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean of 1 − ‖x − x̂‖²/‖x − x̄‖² of each source."""
    return np.asarray(1 - mean_statistic(sums))


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """The value over all rows."""
    return statistic(totals(sums), facts)


METRIC = Metric(
    name="fve_legacy_kissane",
    scope=Scope.PER_SOURCE,
    reads=Pass.ROWS,
    partial=partial,
    combine=merge,
    finish=finish,
    statistic=statistic,
    bounds=(-float("inf"), 1.0),
    summary="Variance explained, row by row, averaged over rows: Kissane's definition.",
    formula=f"mean over held-out rows of 1 − ‖x − x̂‖²/‖x − x̄‖² (Kissane et al.); {CENTRE}.",
    source="Kissane et al.'s notebook; Becker et al.'s code for each source.",
    meaning="Only for comparison with texts that use it; fve is the number to trust.",
    misleads=(
        "A mean of ratios: rows near the mean, with next to nothing to explain, dominate it and "
        "can make it very negative though fve is high. Compare no value of it with a fve."
    ),
    undefined="every held-out row equals the store's mean",
)
