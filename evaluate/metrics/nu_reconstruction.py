"""ν^r: the reconstruction's latent scaling of one source over the other's."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import cross
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """The ratio along both directions of every pair."""
    return cross(facts.values["beta_reconstruction"], facts)


METRIC = Metric(
    name="nu_reconstruction",
    scope=Scope.LATENT_PAIR_MIRROR,
    reads=Pass.NONE,
    finish=finish,
    needs=("beta_reconstruction",),
    bounds=(-float("inf"), float("inf")),
    summary=(
        "beta_reconstruction of A over that of B along B's direction (_mirror: B over A along A's)."
    ),
    formula=(
        "ν^r = β_reconstruction_A / β_reconstruction_B, d = d_B; _mirror the other way round "
        "(Minder et al.)."
    ),
    source="Minder et al., section 2.4.",
    meaning=(
        "High for a one-sided latent: another latent of the other model fires with it (latent "
        "decoupling)."
    ),
    misleads="As nu_error; and any latent that fires with this one raises it, twin or not.",
    undefined="the latent is dead, the direction is zero, or the sources differ in width",
)
