"""Cosine between a latent's decoder rows."""

import numpy as np

from xc.evaluate.decoder_pairs import cosines, over_pairs
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Cosines of each pair; NaN across unequal widths and for zero rows."""
    decoder = facts.decoder

    def pair(p: int, q: int) -> np.ndarray:
        if decoder.widths[p] != decoder.widths[q]:
            return np.full(decoder.d_sae, np.nan)
        return cosines(decoder.W[p], decoder.W[q])

    return over_pairs(pair, facts)


METRIC = Metric(
    name="cosine",
    scope=Scope.LATENT_PAIR,
    reads=Pass.NONE,
    finish=finish,
    bounds=(-1.0, 1.0),
    summary="Cosine between the decoder directions of the two sources.",
    formula="⟨d_A, d_B⟩ / (‖d_A‖‖d_B‖).",
    source="Lindsey et al. 2024; Kissane et al. (second histogram); Minder et al., figure 10.",
    meaning="1: the two models write the feature in the same direction.",
    misleads=(
        "Models trained from different seeds share no basis: their cosines are near 0 though "
        "features agree. Compare with cosine_random_mean."
    ),
    undefined="the sources differ in width, or a decoder row is zero",
)
