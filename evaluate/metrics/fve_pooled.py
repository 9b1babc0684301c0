"""Fraction of variance explained by all sources together, after each source's normalisation."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.reconstruction import ERRORS, error_and_variance_sums, variances


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """1 − Σ_m Σ‖x − x̂‖²/Σ_m Σ‖x − μ‖²."""
    return np.asarray(1 - sums[ERRORS].sum() / variances(sums, facts.decoder.n_sources).sum())


METRIC = Metric(
    name="fve_pooled",
    key="fve",
    scope=Scope.SCALAR,
    reads=Pass.ROWS,
    partial=error_and_variance_sums,
    finish=finish,
    bounds=(-float("inf"), 1.0),
    summary="Fraction of variance explained over all sources together.",
    formula="1 − Σ_m Σ‖x_m − x̂_m‖² / Σ_m Σ‖x_m − μ_m‖², each source as normalised in training.",
    source="In common use (R²); both sources' sums added before the division.",
    meaning="The one number to compare crosscoders of the same sources by.",
    misleads=(
        "A source of larger normalised variance weighs more; look at the values per source as well."
    ),
    undefined="the held-out activations do not vary",
)
