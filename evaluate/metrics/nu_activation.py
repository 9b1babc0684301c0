"""ν of the activations: one source's latent scaling over the other's."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import cross
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """The ratio along both directions of every pair."""
    return cross(facts.values["beta_activation"], facts)


METRIC = Metric(
    name="nu_activation",
    scope=Scope.LATENT_PAIR_MIRROR,
    reads=Pass.NONE,
    finish=finish,
    needs=("beta_activation",),
    bounds=(-float("inf"), float("inf")),
    summary=(
        "beta_activation of A over that of B along B's direction (_mirror: B over A along A's)."
    ),
    formula="ν^a = β_activation_A / β_activation_B, d = d_B; _mirror the other way round.",
    meaning="How much of B's feature A's activations hold, whatever the crosscoder reconstructs.",
    misleads="The mean activations enter both sides.",
    undefined="the latent is dead, the direction is zero, or the sources differ in width",
)
