"""Mean squared error of the reconstruction per source, summed over dimensions."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.reconstruction import error_sums, errors
from xc.evaluate.sequence_sums import TABLE, merge, totals


def statistic(sums: Sums, facts: Facts) -> np.ndarray:
    """Σ‖x − x̂‖²/n of each source; NaN without rows."""
    rows, found = sums[TABLE][..., :1], errors(sums, facts.decoder.n_sources)
    return np.asarray(np.divide(found, rows, out=np.full_like(found, np.nan), where=rows > 0))


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """The value over all rows."""
    return statistic(totals(sums), facts)


METRIC = Metric(
    name="mse",
    scope=Scope.PER_SOURCE,
    reads=Pass.ROWS,
    partial=error_sums,
    combine=merge,
    finish=finish,
    statistic=statistic,
    bounds=(0.0, float("inf")),
    summary="Mean over rows of the squared reconstruction error, in the normalised space.",
    formula=(
        "mean over held-out rows of ‖x − x̂‖², summed over dimensions, activations as "
        "normalised in training."
    ),
    source="In common use: the reconstruction term of every crosscoder's loss.",
    meaning="The reconstruction term of the training loss, on rows that training never saw.",
    misleads=(
        "Its size depends on the normalisation and the width; compare fve between models instead."
    ),
)
