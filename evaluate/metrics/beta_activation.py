"""Latent scaling of the activations."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import across, activation_numerator, activation_sums, beta
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """β of every source along every direction."""
    return across(beta(activation_numerator(sums, facts), sums, facts), facts)


METRIC = Metric(
    name="beta_activation",
    scope=Scope.LATENT_SOURCE_DIRECTION,
    reads=Pass.ROWS,
    partial=activation_sums,
    finish=finish,
    bounds=(-float("inf"), float("inf")),
    summary="Factor of the latent that best explains the activations themselves.",
    formula="β = ⟨d, Σ f x⟩ / (Σ f² ‖d‖²); d the direction of B (_mirror: of A).",
    source="Minder et al., eqs. 5 and 30; this target is in their code only.",
    meaning="What the source holds along the latent's direction, whoever reconstructs it.",
    misleads="The mean activation enters where the latent fires; see beta_activation_no_bias.",
    undefined="the latent is dead, the direction is zero, or the sources differ in width",
    version=2,
)
