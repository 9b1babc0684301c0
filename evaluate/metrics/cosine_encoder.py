"""Cosine between a latent's encoder columns."""

import numpy as np

from xc.evaluate.decoder_pairs import cosines, over_pairs
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Cosines of each pair; NaN across unequal widths and for zero columns."""
    decoder = facts.decoder

    def pair(p: int, q: int) -> np.ndarray:
        if not decoder.encoders or decoder.widths[p] != decoder.widths[q]:
            return np.full(decoder.d_sae, np.nan)
        return cosines(decoder.encoders[p].T, decoder.encoders[q].T)

    return over_pairs(pair, facts)


METRIC = Metric(
    name="cosine_encoder",
    scope=Scope.LATENT_PAIR,
    reads=Pass.NONE,
    finish=finish,
    bounds=(-1.0, 1.0),
    summary="Cosine between the encoder directions of the two sources.",
    formula=(
        "⟨w_A, w_B⟩ / (‖w_A‖‖w_B‖), w_m column j of W_enc of source m; normalising the "
        "activations changes it only by a factor per source."
    ),
    source="Minder et al.'s code.",
    meaning="1: the latent is read off the same direction in both models.",
    misleads=(
        "An encoder also tells its latent from others, so its direction need not be that of the "
        "feature: a low value beside a high decoder cosine is common. Compare with "
        "cosine_encoder_random_mean."
    ),
    undefined="the sources differ in width, or an encoder column is zero",
)
