"""How much of the activations a latent, rescaled, explains; with and without the decoder bias:
metrics of one form."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.halves import Before, Numerator
from xc.evaluate.latent_scaling import (
    across,
    activation_before,
    activation_numerator,
    activation_sums,
    improvement,
    no_bias_before,
    no_bias_numerator,
)
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums

SHARE_OF_ALL = (
    "A share of all that the source holds, {mean}the other latents' parts included: small for "
    "every latent, and not what the latent is worth to the reconstruction (mse_improvement_error)."
)
"""When not to trust a value, in sample or out of it; `{mean}`: what else it holds."""


def _share(numerator: Numerator, before: Before) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        """Relative improvement over all rows."""
        found = improvement(numerator(sums, facts), before(sums, facts), sums, facts)
        return across(found, facts)

    return finish


def _improvement(end: str, y: str, finish: Finish, *, of: str, mean: str) -> Metric:
    return Metric(
        name=f"mse_improvement_activation{end}",
        scope=Scope.LATENT_SOURCE_DIRECTION,
        reads=Pass.ROWS,
        partial=activation_sums,
        finish=finish,
        bounds=(0.0, 1.0),
        summary=f"Share of {of} that the latent, times its β, accounts for.",
        formula=(
            f"(before − after)/before, before = Σ‖{y}‖², after = Σ‖{y} − β f d‖², β of "
            f"beta_activation{end}, over all held-out rows; in sample."
        ),
        source="Minder et al., A.7 (the share), for the targets of activations in their code.",
        meaning=(
            f"The part of {of} that lies along this latent where it fires, whoever reconstructs "
            "it: what the factor β is worth."
        ),
        misleads="In sample it is never negative, however noisy. " + SHARE_OF_ALL.format(mean=mean),
        undefined="the latent is dead, the direction is zero, or the sources differ in width",
        version=2,  # of the sums that it shares with beta_activation
    )


METRICS = (
    _improvement(
        "",
        "x",
        _share(activation_numerator, activation_before),
        of="the activations themselves",
        mean="its mean and ",
    ),
    _improvement(
        "_no_bias",
        "x − b",
        _share(no_bias_numerator, no_bias_before),
        of="the activations minus the decoder bias",
        mean="",
    ),
)
