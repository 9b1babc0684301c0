"""Latent scaling of the reconstruction, each source along its own direction."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import beta, own, xhat_numerator, xhat_sums
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """β of every source along its own direction."""
    return own(beta(xhat_numerator(sums, facts), sums, facts))


METRIC = Metric(
    name="beta_own_reconstruction",
    scope=Scope.LATENT_SOURCE,
    reads=Pass.ROWS,
    partial=xhat_sums,
    finish=finish,
    bounds=(-float("inf"), float("inf")),
    summary="beta_reconstruction of each source along that source's own decoder direction.",
    formula="β as in beta_reconstruction, d = d_m for source m.",
    source="xc, after Minder et al., eqs. 30, 33 and 34.",
    meaning="Defined for sources of any width.",
    misleads="Compares a source with itself: it cannot show that the other source has the feature.",
    undefined="the latent is dead, or its decoder row is zero",
)
