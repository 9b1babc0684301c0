"""The pass over activations behind cca, svcca, pwcca, cka and procrustes: one for all of them."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.moments import MOMENTS, NUMBERS, moment_sums, pair_numbers


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Every number of every pair, [pair, number]."""
    found = [pair_numbers(sums, p, q) for p, q in facts.pairs]
    return np.array(found).reshape(len(found), len(NUMBERS))


METRIC = Metric(
    name=MOMENTS,
    scope=Scope.PAIR_NUMBERS,
    reads=Pass.ROWS,
    partial=moment_sums,
    finish=finish,
    bounds=(0.0, 1.0),
    summary="Correlations of the two sources' activations, from their first and second moments.",
    formula="Σx, Σxᵀx of each source and Σx_Aᵀx_B of each pair over held-out rows, in float64.",
    meaning="It has no number of its own; cca, svcca, pwcca, cka and procrustes are taken from it.",
    misleads="A source of width d costs O(rows·d²) time and, per task, 8·d² bytes a product.",
    undefined="the activations of a source do not vary over the rows",
)
