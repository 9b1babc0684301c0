"""ν of the activations, with and without the decoder bias: metrics of one form."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import cross
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums


def _over(beta: str) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        """The ratio along both directions of every pair."""
        return cross(facts.values[beta], facts)

    return finish


def _ratio(end: str, *, meaning: str, misleads: str) -> Metric:
    beta = f"beta_activation{end}"
    upper, lower = (f"β_activation{end}_{letter}" for letter in "AB")
    return Metric(
        name=f"nu_activation{end}",
        scope=Scope.LATENT_PAIR_MIRROR,
        reads=Pass.NONE,
        finish=_over(beta),
        needs=(beta,),
        bounds=(-float("inf"), float("inf")),
        summary=f"{beta} of A over that of B along B's direction (_mirror: B over A along A's).",
        formula=f"ν^a = {upper} / {lower}, d = d_B; _mirror the other way round.",
        source="Minder et al.'s code.",
        meaning=meaning,
        misleads=misleads,
        undefined="the latent is dead, the direction is zero, or the sources differ in width",
    )


METRICS = (
    _ratio(
        "",
        meaning=(
            "How much of B's feature A's activations hold, whatever the crosscoder reconstructs."
        ),
        misleads="The mean activations enter both sides; see nu_activation_no_bias.",
    ),
    _ratio(
        "_no_bias",
        meaning="As nu_activation, freed of what the decoder biases explain on both sides.",
        misleads=(
            "Other latents' contributions along the direction still enter; a ratio of noisy "
            "numbers: wild for rare latents and where the denominator is small."
        ),
    ),
)
