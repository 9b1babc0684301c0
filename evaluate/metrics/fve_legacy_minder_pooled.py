"""Minder's fraction of variance explained by all sources together."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.metrics.fve_legacy_minder import ALL_ROWS
from xc.evaluate.variances import explained, variance_sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """1 − Σ_m ΣVar(x − x̂)/Σ_m ΣVar(x)."""
    left, whole = explained(sums, facts.decoder.n_sources)
    return np.asarray(1 - left.sum() / whole.sum())


METRIC = Metric(
    name="fve_legacy_minder_pooled",
    key="fve_legacy_minder",
    scope=Scope.SCALAR,
    reads=Pass.ROWS,
    partial=variance_sums,
    finish=finish,
    bounds=(-float("inf"), 1.0),
    summary="Variance explained by variances, over all sources together.",
    formula=(
        "1 − Σ_m Σ_d Var(x_d − x̂_d)/Σ_m Σ_d Var(x_d), unbiased variances (Minder et al.); "
        + ALL_ROWS
        + "."
    ),
    source="Minder et al.'s code; their tables 1 and 2 (total).",
    meaning="Only for comparison with texts that use it; never below fve.",
    misleads="As that of one source; and the source of larger normalised variance weighs more.",
    undefined="the held-out activations do not vary",
)
