"""Canonical correlation of two sources' activations."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.moments import MOMENTS, of_pairs


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean ρ² of each pair."""
    return of_pairs(facts, "cca")


METRIC = Metric(
    name="cca",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=(MOMENTS,),
    bounds=(0.0, 1.0),
    summary="Mean squared canonical correlation of the two sources' activations.",
    formula=(
        "mean of ρ² over the min(rank_A, rank_B) canonical correlations ρ of the activations on"
        " held-out rows, columns centred, all directions in which they vary: the R²_CCA of "
        "`alignment`, with rows for latents. 1 exactly for equal activations."
    ),
    source="Hotelling 1936; the mean of squares as in Kornblith et al. 2019 (R²_CCA).",
    meaning=(
        "1: what one source holds is a linear map of what the other holds; read it against "
        "cca_chance."
    ),
    misleads=(
        "Every direction counts alike, however little variance it holds, noise too; few rows "
        "per direction push it up."
    ),
    undefined="the activations of a source do not vary over the rows",
)
