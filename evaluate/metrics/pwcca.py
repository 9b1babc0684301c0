"""Projection-weighted canonical correlation of two sources' activations."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.moments import MOMENTS, of_pairs


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Weighted mean ρ of each pair."""
    return of_pairs(facts, "pwcca")


METRIC = Metric(
    name="pwcca",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=(MOMENTS,),
    bounds=(0.0, 1.0),
    summary="PWCCA of the two sources' activations: correlations weighted by what they carry.",
    formula=(
        "Σ αᵢρᵢ/Σ αᵢ over the canonical correlations, αᵢ = Σⱼ |⟨hᵢ, xⱼ⟩| with hᵢ the canonical "
        "variate of a source and xⱼ its dimension j (Morcos et al. 2018), on held-out rows, "
        "columns centred; mean of the value with the weights of A and that with those of B, "
        "where the paper takes one layer's. 1 exactly for equal activations."
    ),
    source="Morcos et al. 2018.",
    meaning=(
        "As cca, but noise directions weigh little: 1 when what carries the activations is shared."
    ),
    misleads=(
        "The weights depend on the coordinates of the source, and where several ρ are equal on "
        "the choice among their variates; few rows per direction push it up."
    ),
    undefined="the activations of a source do not vary over the rows",
)
