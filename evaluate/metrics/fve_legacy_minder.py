"""Fraction of variance explained as Minder's code has it: variances on both sides."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.variances import explained, variance_sums

ALL_ROWS = (
    "variances over all held-out rows at once, not, as in the original, the mean over batches of "
    "4,096: no value depends on how the rows are cut"
)


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """1 − ΣVar(x − x̂)/ΣVar(x) of each source."""
    left, whole = explained(sums, facts.decoder.n_sources)
    return np.asarray(1 - left / whole)


METRIC = Metric(
    name="fve_legacy_minder",
    scope=Scope.PER_SOURCE,
    reads=Pass.ROWS,
    partial=variance_sums,
    finish=finish,
    bounds=(-float("inf"), 1.0),
    summary="Variance explained by variances: a constant offset of the reconstruction is free.",
    formula=(
        "1 − Σ_d Var(x_d − x̂_d)/Σ_d Var(x_d), unbiased variances (Minder et al.); " + ALL_ROWS + "."
    ),
    source="Minder et al.'s code; their tables 1 and 2.",
    meaning=(
        "Only for comparison with texts that use it. Never below fve: the difference is the "
        "share of the variance that a constant error is worth."
    ),
    misleads="A reconstruction that is off by a constant vector everywhere still reads 1.",
    undefined="the held-out activations do not vary",
)
