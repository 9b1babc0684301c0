"""Latent scaling of the reconstruction error."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import across, beta, error_numerator, residual_sums
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """β of every source along every direction."""
    return across(beta(error_numerator(sums, facts), sums, facts), facts)


METRIC = Metric(
    name="beta_error",
    scope=Scope.LATENT_SOURCE_DIRECTION,
    reads=Pass.ROWS,
    partial=residual_sums,
    finish=finish,
    bounds=(-float("inf"), float("inf")),
    summary="Factor of the latent that best explains the error it leaves when taken out.",
    formula=(
        "β = ⟨d, Σ f y⟩ / (Σ f² ‖d‖²), y = x − (x̂ − f d_m), d the direction of B (_mirror: of "
        "A); exact over all held-out rows (Minder et al.)."
    ),
    source=(
        "Minder et al., eqs. 5 and 30 to 32 (which print the bias with the other sign than their "
        "code)."
    ),
    meaning=(
        "1: the source has the feature just as the latent writes it; 0: the source has nothing "
        "there."
    ),
    misleads="Noise of rare latents: β rests on as many rows as the latent fires on.",
    undefined="the latent is dead, the direction is zero, or the sources differ in width",
)
