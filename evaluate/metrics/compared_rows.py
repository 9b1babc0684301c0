"""The rows behind the chance levels of cca and cka: those of all rows, whatever is left out."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.moments import MOMENTS, ROWS, of_pairs


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Rows of every pair, [pair, 1]."""
    return of_pairs(facts, "rows")[:, None]


METRIC = Metric(
    name=ROWS,
    scope=Scope.PAIR_NUMBERS,
    reads=Pass.NONE,
    finish=finish,
    needs=(MOMENTS,),
    held=True,
    bounds=(0.0, float("inf")),
    summary="Over how many rows the activations of two sources are compared.",
    formula="The number of held-out rows.",
    source="xc.",
    meaning=(
        "It has no number of its own; cca_chance and cka_chance are over these rows less one. "
        "Intervals are about other text of the same amount: where they leave out groups of rows "
        "it stays."
    ),
    misleads="Rows of one sequence resemble one another: there is less text than rows.",
    undefined="the activations of a source do not vary over the rows",
)
