"""Latent scaling of the error, each source along its own direction."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import beta, error_numerator, own, residual_sums
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """β of every source along its own direction."""
    return own(beta(error_numerator(sums, facts), sums, facts))


METRIC = Metric(
    name="beta_own_error",
    scope=Scope.LATENT_SOURCE,
    reads=Pass.ROWS,
    partial=residual_sums,
    finish=finish,
    bounds=(-float("inf"), float("inf")),
    summary="beta_error of each source along that source's own decoder direction.",
    formula="β as in beta_error, d = d_m for source m.",
    source="xc, after Minder et al., eqs. 30 to 32.",
    meaning="Defined for sources of any width; 1 where the latent is fitted just right.",
    misleads="Compares a source with itself: it cannot show that the other source has the feature.",
    undefined="the latent is dead, or its decoder row is zero",
)
