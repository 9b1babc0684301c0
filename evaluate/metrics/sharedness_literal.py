"""Sharedness exactly as the paper's equation prints it, for comparison."""

import numpy as np

from xc.evaluate.entropy import plogp
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums, Swap


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Σ of the printed terms of each pair."""
    weights = facts.values["mean_activation"] * facts.alive
    found: np.ndarray = weights @ np.nan_to_num(plogp(facts.values["rel_norm"]))
    return found


METRIC = Metric(
    name="sharedness_literal",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("frequency", "mean_activation", "rel_norm"),
    swap=Swap.OTHER,
    bounds=(0.0, float("inf")),
    summary="Equation (2) of Becker et al. as printed, sign turned, base 2.",
    formula="−Σ_j rel_norm_j log₂(rel_norm_j) · mean_activation_j over alive latents.",
    source="Becker et al., eq. 2 as printed.",
    meaning="Only for checking against texts that use the printed form.",
    misleads=(
        "One entropy term, so it is not symmetric in A and B; the weights are not normalised, "
        "so it has no upper bound."
    ),
)
