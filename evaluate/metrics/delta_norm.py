"""Difference of decoder norms relative to the larger."""

import numpy as np

from xc.evaluate.decoder_pairs import norm_difference, over_pairs
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums, Swap


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """½((‖d_q‖−‖d_p‖)/max+1) of each pair."""
    norms = facts.decoder.norms
    return over_pairs(lambda p, q: norm_difference(norms[:, p], norms[:, q]), facts)


METRIC = Metric(
    name="delta_norm",
    scope=Scope.LATENT_PAIR,
    reads=Pass.NONE,
    finish=finish,
    swap=Swap.COMPLEMENT,
    bounds=(0.0, 1.0),
    summary="Norm difference over the larger norm, mapped to 0 (A only) … 1 (B only).",
    formula="½((‖d_B‖ − ‖d_A‖)/max(‖d_A‖, ‖d_B‖) + 1) (Minder et al., eq. 4).",
    source="Minder et al., eq. 4 (their stored column is 1 minus it).",
    meaning=(
        "Above 0.9 the latent writes at least five times more to B; the classes are cut from it."
    ),
    misleads=(
        "The same as rel_norm: a norm says what the decoder writes, not what the other source "
        "lacks."
    ),
    undefined="both decoder rows are zero",
)
