"""Sharedness: activation-weighted binary entropy of the relative decoder norms."""

import numpy as np

from xc.evaluate.entropy import mean_entropy
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Weighted mean entropy of each pair."""
    return mean_entropy(facts.values["mean_activation"], facts)


METRIC = Metric(
    name="sharedness",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("frequency", "mean_activation", "rel_norm"),
    bounds=(0.0, 1.0),
    summary=(
        "How evenly the active latents write to both sources: 1 when all decoder norms are equal."
    ),
    formula=(
        "Σ_j w_j H₂(rel_norm_j), H₂ the binary entropy in bits, w_j the latent's mean "
        "activation over their sum (Becker et al., eq. 2, completed: as printed, one term of "
        "the entropy is missing). Latents that write to neither take no part."
    ),
    source="Becker et al., eq. 2, completed by xc.",
    meaning="1: every latent in use belongs to both models alike; 0: every latent belongs to one.",
    misleads=(
        "The entropy is flat near ½ (rel_norm 0.4 still gives 0.97), and the weights depend on "
        "how f and ‖d‖ share their scale."
    ),
    undefined="no latent that fires writes to either source",
)
