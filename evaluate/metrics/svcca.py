"""Singular-vector canonical correlation of two sources' activations."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.moments import MOMENTS, of_pairs


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean ρ of each pair's main directions."""
    return of_pairs(facts, "svcca")


METRIC = Metric(
    name="svcca",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=(MOMENTS,),
    bounds=(0.0, 1.0),
    summary="SVCCA of the two sources' activations: mean correlation of their main directions.",
    formula=(
        "mean canonical correlation ρ (not squared) between the leading principal directions of"
        " A and of B that hold 99 % of the variance each, the fewest that do (Raghu et al. "
        "2017), on held-out rows, columns centred. 1 exactly for equal activations."
    ),
    source="Raghu et al. 2017.",
    meaning="1: each main direction of one is a linear map of the other's; 0: none is.",
    misleads=(
        "Kept directions count alike, whatever variance they hold, and where the 99 % fall is a"
        " matter of a few of them; few rows per direction push it up."
    ),
    undefined="the activations of a source do not vary over the rows",
)
