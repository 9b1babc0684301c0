"""Fraction of variance explained (FVE) per source: sums over all rows first, one division last."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.reconstruction import ERRORS, error_and_variance_sums, variances


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """1 − Σ‖x − x̂‖²/Σ‖x − μ‖² of each source."""
    return np.asarray(1 - sums[ERRORS] / variances(sums, facts.decoder.n_sources))


METRIC = Metric(
    name="fve",
    scope=Scope.PER_SOURCE,
    reads=Pass.ROWS,
    partial=error_and_variance_sums,
    finish=finish,
    bounds=(-float("inf"), 1.0),
    summary="Fraction of the activations' variance that the reconstruction explains.",
    formula=("1 − Σ‖x − x̂‖² / Σ‖x − μ‖², both sums over all held-out rows, μ their mean."),
    source="In common use (R²); one division of sums over all rows, where others average batches.",
    meaning=(
        "1 is a perfect reconstruction, 0 as good as the mean activation, below 0 worse than it."
    ),
    misleads=(
        "Relative to the variance: a few dimensions of huge variance can dominate both sums. "
        "Rows of one sequence are correlated, which the interval accounts for and a row count "
        "does not; sequences of one document are too, which it does with clusters=documents. "
        "Where training stopped at a target (until_fve), the value is mildly selected."
    ),
    undefined="the held-out activations do not vary",
)
