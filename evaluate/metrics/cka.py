"""Linear centred kernel alignment of two sources' activations."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.moments import MOMENTS, of_pairs


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """CKA of each pair."""
    return of_pairs(facts, "cka")


METRIC = Metric(
    name="cka",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=(MOMENTS,),
    bounds=(0.0, 1.0),
    summary="Linear CKA of the two sources' activations: how alike they are before any training.",
    formula=(
        "‖X_AᵀX_B‖²_F / (‖X_AᵀX_A‖_F·‖X_BᵀX_B‖_F), columns centred (Kornblith et al. 2019), "
        "over all held-out rows. 1 exactly for equal activations."
    ),
    source="Kornblith et al. 2019, linear CKA.",
    meaning=(
        "1: the same up to rotation and one scale; 0: no linear relation. It needs no crosscoder."
    ),
    misleads="A few dimensions of huge variance dominate it; read it against cka_chance.",
    undefined="the activations of a source do not vary over the rows",
)
