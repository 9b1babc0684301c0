"""ν^ε: the error's latent scaling of one source over the other's."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import cross
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """The ratio along both directions of every pair."""
    return cross(facts.values["beta_error"], facts)


METRIC = Metric(
    name="nu_error",
    scope=Scope.LATENT_PAIR_MIRROR,
    reads=Pass.NONE,
    finish=finish,
    needs=("beta_error",),
    bounds=(-float("inf"), float("inf")),
    summary="beta_error of A over that of B along B's direction (_mirror: B over A along A's).",
    formula=(
        "ν^ε = β_error_A / β_error_B, d = d_B; _mirror: β_error_B / β_error_A, d = d_A (Minder "
        "et al.)."
    ),
    source="Minder et al., section 2.4.",
    meaning=(
        "Near 0: truly exclusive; near 1: the other model has the feature too, and the latent's"
        " one-sidedness is an artefact (complete shrinkage)."
    ),
    misleads="A ratio of noisy numbers: wild for rare latents and where the denominator is small.",
    undefined="the latent is dead, the direction is zero, or the sources differ in width",
)
