"""Relative decoder norm of a latent."""

import numpy as np

from xc.evaluate.decoder_pairs import over_pairs, relative_norm
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums, Swap


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """‖d_q‖/(‖d_p‖+‖d_q‖) of each pair."""
    norms = facts.decoder.norms
    return over_pairs(lambda p, q: relative_norm(norms[:, p], norms[:, q]), facts)


METRIC = Metric(
    name="rel_norm",
    scope=Scope.LATENT_PAIR,
    reads=Pass.NONE,
    finish=finish,
    swap=Swap.COMPLEMENT,
    bounds=(0.0, 1.0),
    summary="Share of B in the decoder norms: 0 is A only, 1 is B only.",
    formula=(
        "‖d_B‖ / (‖d_A‖ + ‖d_B‖) (Kissane; Becker's code, whose paper prints the other "
        "orientation)."
    ),
    source=(
        "Lindsey et al. 2024; Kissane et al.; Becker et al., eq. 1, in their code's orientation."
    ),
    meaning="Near ½ the latent writes to both sources equally.",
    misleads=(
        "Under L1 a latent can be shrunk to one source although both have the feature (complete"
        " shrinkage): look at nu."
    ),
    undefined="both decoder rows are zero",
)
