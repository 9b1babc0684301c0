"""Orthogonal Procrustes similarity of two sources' activations."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.moments import MOMENTS, of_pairs


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Normalised nuclear norm of each pair."""
    return of_pairs(facts, "procrustes")


METRIC = Metric(
    name="procrustes",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=(MOMENTS,),
    bounds=(0.0, 1.0),
    summary="How well a rotation maps one source's activations onto the other's.",
    formula=(
        "‖X_AᵀX_B‖_* / (‖X_A‖_F·‖X_B‖_F), the nuclear norm (sum of singular values) over the "
        "Frobenius norms, columns centred, on held-out rows. With both scaled to norm 1, the "
        "least squared distance that an orthogonal map leaves (Schönemann 1966; Ding et al. "
        "2021) is 2·(1 − procrustes). 1 exactly for equal activations."
    ),
    source="Schönemann 1966; Ding et al. 2021.",
    meaning=(
        "1: equal up to rotation, reflection and one scale. Unlike cca it asks for equal "
        "variances too."
    ),
    misleads=(
        "Large directions dominate, as in cka; it falls where the two scale a shared direction "
        "differently; few rows push it up."
    ),
    undefined="the activations of a source do not vary over the rows",
)
