"""Latent scaling of the reconstruction."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import across, beta, xhat_numerator, xhat_sums
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """β of every source along every direction."""
    return across(beta(xhat_numerator(sums, facts), sums, facts), facts)


METRIC = Metric(
    name="beta_reconstruction",
    scope=Scope.LATENT_SOURCE_DIRECTION,
    reads=Pass.ROWS,
    partial=xhat_sums,
    finish=finish,
    bounds=(-float("inf"), float("inf")),
    summary="Factor of the latent that best explains the whole reconstruction where it fires.",
    formula=(
        "β = ⟨d, Σ f x̂⟩ / (Σ f² ‖d‖²), bias and latent included; d the direction of B "
        "(_mirror: of A)."
    ),
    source="Minder et al., eqs. 5, 30, 33 and 34.",
    meaning=(
        "Above its own contribution when other latents write the same direction (latent "
        "decoupling)."
    ),
    misleads="The bias and common directions enter; nu_reconstruction divides most of that out.",
    undefined="the latent is dead, the direction is zero, or the sources differ in width",
)
