"""Mean number of latents that fire on a row."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.row_block import RowBlock
from xc.evaluate.sequence_sums import TABLE, merge, per_sequence, totals


def partial(block: RowBlock) -> Sums:
    """Row counts and numbers of firing latents, per sequence."""
    fired = block.latents.per_row
    return per_sequence(block, np.column_stack([np.ones(block.n_rows), fired]))


def statistic(sums: Sums, facts: Facts) -> np.ndarray:
    """Firing latents over rows; NaN without rows, as of a role that none has."""
    rows, fired = sums[TABLE][..., 0], sums[TABLE][..., 1]
    return np.asarray(np.divide(fired, rows, out=np.full_like(fired, np.nan), where=rows > 0))


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """The value over all rows."""
    return statistic(totals(sums), facts)


METRIC = Metric(
    name="l0",
    scope=Scope.SCALAR,
    reads=Pass.LATENTS,
    partial=partial,
    combine=merge,
    finish=finish,
    statistic=statistic,
    bounds=(0.0, float("inf")),
    summary="Mean number of latents that fire on a row.",
    formula="mean over held-out rows of #{j : f_j > 0}, f after the threshold.",
    source="In common use; Kissane et al.; Minder et al., tables 1 and 2.",
    meaning="How sparse the code is; compare other metrics only between crosscoders of similar l0.",
    misleads=(
        "A mean hides a long tail: a few rows may use many times more latents. BatchTopK at "
        "inference drifts from its k."
    ),
)
