"""Null control of cka: the rows of one source permuted."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.moments import MOMENTS, ROWS, by_chance


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Exact expectation for each pair."""
    return by_chance(facts, "spread")


METRIC = Metric(
    name="cka_chance",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=(MOMENTS, ROWS),
    bounds=(0.0, 1.0),
    summary="The CKA that unrelated activations with these variances reach.",
    formula=(
        "‖X_A‖²_F·‖X_B‖²_F / ((rows − 1)·‖X_AᵀX_A‖_F·‖X_BᵀX_B‖_F), at most 1: the mean of cka "
        "over all permutations of the rows of one source, exactly."
    ),
    source="xc: the mean over permutations, in closed form.",
    meaning="A cka at this level says nothing.",
    misleads=(
        "Rows of one sequence resemble one another, so that unrelated sources with sequences "
        "kept in step reach more than this."
    ),
    undefined="the activations of a source do not vary over the rows",
)
