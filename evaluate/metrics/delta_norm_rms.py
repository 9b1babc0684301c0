"""Difference of decoder norms per dimension, for sources of unequal width."""

import numpy as np

from xc.evaluate.decoder_pairs import norm_difference, over_pairs
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums, Swap


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """½((rms(d_q)−rms(d_p))/max+1) of each pair."""
    norms = facts.decoder.norms_rms
    return over_pairs(lambda p, q: norm_difference(norms[:, p], norms[:, q]), facts)


METRIC = Metric(
    name="delta_norm_rms",
    scope=Scope.LATENT_PAIR,
    reads=Pass.NONE,
    finish=finish,
    swap=Swap.COMPLEMENT,
    bounds=(0.0, 1.0),
    summary="delta_norm with each decoder norm divided by √d_model; the same at equal widths.",
    formula="½((r_B − r_A)/max(r_A, r_B) + 1), r_m = ‖d_m‖/√d_model_m.",
    source="xc, after Minder et al., eq. 4.",
    meaning=(
        "Where normalisation brings each source to a length of √d_model (mean_norm), a latent that "
        "both hold alike has ½ whatever the widths. By delta_norm such latents are `other` once "
        "one width is below 0.64 of the other; `n_shared_rms` counts by this one."
    ),
    misleads="Where training scaled the sources otherwise, it is the plain delta_norm that is ½.",
    undefined="both decoder rows are zero",
)
