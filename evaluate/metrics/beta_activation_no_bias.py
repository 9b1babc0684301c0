"""Latent scaling of the activations without the decoder bias."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import across, activation_sums, beta, no_bias_numerator
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """β of every source along every direction."""
    return across(beta(no_bias_numerator(sums, facts), sums, facts), facts)


METRIC = Metric(
    name="beta_activation_no_bias",
    scope=Scope.LATENT_SOURCE_DIRECTION,
    reads=Pass.ROWS,
    partial=activation_sums,
    finish=finish,
    bounds=(-float("inf"), float("inf")),
    summary="Factor of the latent that best explains the activations minus the decoder bias.",
    formula="β = ⟨d, Σ f (x − b)⟩ / (Σ f² ‖d‖²); d the direction of B (_mirror: of A).",
    source="Minder et al., eqs. 5 and 30; this target is in their code only.",
    meaning="As beta_activation, freed of what the bias explains.",
    misleads="Other latents' contributions along the direction still enter.",
    undefined="the latent is dead, the direction is zero, or the sources differ in width",
    version=2,
)
