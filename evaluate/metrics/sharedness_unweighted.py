"""Sharedness with every latent that fires counted once."""

import numpy as np

from xc.evaluate.entropy import mean_entropy
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean entropy of each pair."""
    return mean_entropy(np.ones(facts.decoder.d_sae), facts)


METRIC = Metric(
    name="sharedness_unweighted",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("frequency", "rel_norm"),
    bounds=(0.0, 1.0),
    summary="Sharedness of the dictionary, each latent that fires counted once.",
    formula="mean of H₂(rel_norm_j) over latents that fire and write to either source.",
    source="xc, after Becker et al., eq. 2.",
    meaning="What the dictionary shares, beside sharedness, which says what the code shares.",
    misleads=(
        "Rare latents count as much as common ones, and training makes more of them with more "
        "latents or more rows."
    ),
    undefined="no latent that fires writes to either source",
)
