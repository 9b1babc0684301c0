"""Mean cosine of activation and reconstruction."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.row_block import RowBlock
from xc.evaluate.row_means import mean_statistic, means_over_rows
from xc.evaluate.sequence_sums import merge, totals


def partial(block: RowBlock) -> Sums:
    """Per sequence: rows, and of each source the rows with a cosine and their sum."""
    return means_over_rows(block, block.likeness)


def statistic(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean cosine of each source."""
    return mean_statistic(sums)


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """The value over all rows."""
    return statistic(totals(sums), facts)


METRIC = Metric(
    name="cosine_reconstruction",
    scope=Scope.PER_SOURCE,
    reads=Pass.ROWS,
    partial=partial,
    combine=merge,
    finish=finish,
    statistic=statistic,
    bounds=(-1.0, 1.0),
    summary="Mean cosine between an activation and its reconstruction.",
    formula=(
        "mean over held-out rows of ⟨x, x̂⟩/(‖x‖‖x̂‖), activations as normalised in training; rows "
        "where x or x̂ is zero are left out."
    ),
    source="In common use for sparse autoencoders; nobody's in particular.",
    meaning="1: the reconstruction points the right way on every row, whatever its length.",
    misleads=(
        "Blind to length. Where training subtracted no mean, an offset that all rows share makes "
        "it high for any reconstruction that has the offset; fve counts only what differs."
    ),
    undefined="on every row the activation or its reconstruction is zero",
)
