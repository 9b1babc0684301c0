"""Null control of alignment: the same with the latents of one source permuted."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.subspace import alive_bases, mean_squared_correlation

_STREAM = 3


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean over seeded row permutations, for each pair."""
    return np.array([_pair(facts, p, q) for p, q in facts.pairs])


def _pair(facts: Facts, p: int, q: int) -> float:
    first, second = alive_bases(facts, p, q)
    generator = facts.generator(_STREAM)
    permuted = (second[generator.permutation(len(second))] for _ in range(facts.permutations))
    return float(np.mean([mean_squared_correlation(first, rows) for rows in permuted]))


METRIC = Metric(
    name="alignment_chance",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("frequency",),
    drawn=True,
    bounds=(0.0, 1.0),
    summary="The alignment that unrelated latents reach, by permuting the rows of one decoder.",
    formula=(
        "mean of alignment over seeded permutations of the rows of W_dec_B; about "
        "max(rank)/(alive − 1)."
    ),
    meaning="An alignment at this level says nothing.",
    misleads=(
        "Near 1 when fewer latents are alive than twice the width: then alignment cannot tell "
        "anything."
    ),
    undefined="fewer than two latents fire",
)
