"""Null control of cca: the rows of one source permuted."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.moments import MOMENTS, ROWS, by_chance


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Exact expectation for each pair."""
    return by_chance(facts, "wider_rank")


METRIC = Metric(
    name="cca_chance",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=(MOMENTS, ROWS),
    bounds=(0.0, 1.0),
    summary="The cca that unrelated activations of these ranks reach.",
    formula=(
        "max(rank_A, rank_B)/(rows − 1), at most 1: the mean of cca over all permutations of "
        "the rows of one source, exactly."
    ),
    source="xc: the mean over permutations, in closed form.",
    meaning="A cca at this level says nothing.",
    misleads=(
        "Rows of one sequence resemble one another, so that unrelated sources with sequences "
        "kept in step reach more than this."
    ),
    undefined="the activations of a source do not vary over the rows",
)
