"""Fraction of variance explained by all sources together, after each source's normalisation."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.reconstruction import error_and_variance_sums, errors, variances
from xc.evaluate.sequence_sums import merge, totals


def statistic(sums: Sums, facts: Facts) -> np.ndarray:
    """1 − Σ_m Σ‖x − x̂‖²/Σ_m Σ‖x − μ‖²."""
    n = facts.decoder.n_sources
    return np.asarray(1 - errors(sums, n).sum(axis=-1) / variances(sums, n).sum(axis=-1))


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """The value over all rows."""
    return statistic(totals(sums), facts)


METRIC = Metric(
    name="fve_pooled",
    key="fve",
    scope=Scope.SCALAR,
    reads=Pass.ROWS,
    partial=error_and_variance_sums,
    combine=merge,
    finish=finish,
    statistic=statistic,
    bounds=(-float("inf"), 1.0),
    summary="Fraction of variance explained over all sources together.",
    formula="1 − Σ_m Σ‖x_m − x̂_m‖² / Σ_m Σ‖x_m − μ_m‖², each source as normalised in training.",
    meaning="The one number to compare crosscoders of the same sources by.",
    misleads=(
        "A source of larger normalised variance weighs more; look at the values per source as well."
    ),
    undefined="the held-out activations do not vary",
)
