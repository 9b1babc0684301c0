"""Entropy of a latent's decoder norms over all sources."""

import numpy as np

from xc.evaluate.entropy import plogp
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.profile import profile


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Entropy over its largest possible value."""
    shape = profile(facts)
    n = shape.shape[1]
    if n < 2:
        return np.full(len(shape), np.nan)
    shares = shape / shape.sum(axis=1, keepdims=True)
    return np.asarray(np.clip(plogp(shares).sum(axis=1) / np.log2(n), 0.0, 1.0))


METRIC = Metric(
    name="norm_entropy",
    scope=Scope.LATENT,
    reads=Pass.NONE,
    finish=finish,
    bounds=(0.0, 1.0),
    summary="How evenly the latent's decoder norms are spread over the sources.",
    formula="−Σ_m p_m log p_m / log(number of sources), p_m = r_m/Σ r, r_m = ‖d_m‖/√d_model_m.",
    source="xc, after the entropy of Becker et al., eq. 2.",
    meaning=(
        "1: alike in all sources; 0: in one alone. Of two sources of equal width it is the "
        "entropy that sharedness averages."
    ),
    misleads="Flat near 1: norms that differ by a half hardly lower it.",
    undefined="all its decoder rows are zero, or the source stands alone",
)
