"""The pass over activations behind cca, svcca, pwcca, cka and procrustes: one for all of them."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.moments import MOMENTS, all_numbers, bytes_of_sums, moment_sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Every number of every pair, [pair, number]."""
    return all_numbers(sums, facts.pairs, facts.decoder.widths)


METRIC = Metric(
    name=MOMENTS,
    scope=Scope.PAIR_NUMBERS,
    reads=Pass.ROWS,
    partial=moment_sums,
    finish=finish,
    bounds=(0.0, float("inf")),
    summary="Correlations of the two sources' activations, from their first and second moments.",
    formula="Σx, Σxᵀx of each source and Σx_Aᵀx_B of each pair over held-out rows, in float64.",
    source="xc: the sums that cca, svcca, pwcca, cka and procrustes share.",
    meaning=(
        "It has no number of its own; cca, svcca, pwcca, cka, procrustes and the chance levels "
        "beside them are taken from it."
    ),
    misleads=(
        "A source of width d costs O(rows·d²) time and, per task, 8·d² bytes a product. Intervals "
        "take these sums by group: as many groups as fit into 64 MiB, at least 5 (20 up to about "
        "450 wide each, 7 at 768, 5 above 835), and the fewer there are, the wider they get; for "
        "each the eigenvectors are found anew (of two sources 768 wide in under a second on one "
        "core, 2,048 wide in ten seconds, 4,096 wide in two minutes)."
    ),
    bytes_of_sums=bytes_of_sums,
    version=3,
    undefined="the activations of a source do not vary over the rows",
)
