"""Kissane's explained variance of all sources together: pooled within each row, then averaged."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.metrics.fve_legacy_kissane import CENTRE
from xc.evaluate.row_block import RowBlock
from xc.evaluate.row_means import mean_statistic, means_over_rows, shares
from xc.evaluate.sequence_sums import merge, totals


def partial(block: RowBlock) -> Sums:
    """Per sequence: rows, rows with a ratio, and their sum."""
    error, deviation = (a.sum(axis=1, keepdims=True) for a in (block.error, block.deviation))
    return means_over_rows(block, shares(error, deviation))


def statistic(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean of 1 − Σ_m‖x − x̂‖²/Σ_m‖x − x̄‖²."""
    return np.asarray(1 - mean_statistic(sums)[..., 0])


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """The value over all rows."""
    return statistic(totals(sums), facts)


METRIC = Metric(
    name="fve_legacy_kissane_pooled",
    key="fve_legacy_kissane",
    scope=Scope.SCALAR,
    reads=Pass.ROWS,
    partial=partial,
    combine=merge,
    finish=finish,
    statistic=statistic,
    bounds=(-float("inf"), 1.0),
    summary="Variance explained over all sources, row by row, averaged over rows.",
    formula=(
        "mean over held-out rows of 1 − Σ_m‖x_m − x̂_m‖²/Σ_m‖x_m − x̄_m‖² (Kissane et al.'s total; "
        "Becker et al. average the two sources' ratios instead, which is another number); "
        f"{CENTRE}."
    ),
    source="Kissane et al.'s notebook.",
    meaning="Only for comparison with texts that use it; fve is the number to trust.",
    misleads="As that of one source; and the source of larger normalised variance weighs more.",
    undefined="every held-out row equals the store's mean",
)
