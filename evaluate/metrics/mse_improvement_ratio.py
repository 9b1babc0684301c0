"""MSE improvement of one source over the other's, in sample and held out: metrics of one form."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import cross
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums


def _over(name: str) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        return cross(facts.values[name], facts)

    return finish


def _ratio(part: str) -> Metric:
    of = f"mse_improvement_{part}"
    return Metric(
        name=f"mse_improvement_ratio_{part}",
        scope=Scope.LATENT_PAIR_MIRROR,
        reads=Pass.NONE,
        finish=_over(of),
        needs=(of,),
        bounds=(-float("inf"), float("inf")),
        summary=f"{of} of A over that of B along B's direction (_mirror: B over A along A's).",
        formula=f"{of}_a / {of}_b, d = d_B; _mirror the other way round (Minder et al.).",
        source="Minder et al., figure 3.",
        meaning=(
            "A check of ν by what the factors are worth: near 0 where the direction explains "
            "nothing of the other source, near 1 where it explains as much there."
        ),
        misleads="A ratio of small numbers: wild for rare latents; β and −β count alike.",
        undefined="an improvement is not defined, or that of the direction's own source is 0",
    )


TARGETS = ("error", "reconstruction", "activation", "activation_no_bias")

METRICS = tuple(_ratio(target + end) for end in ("", "_heldout") for target in TARGETS)
