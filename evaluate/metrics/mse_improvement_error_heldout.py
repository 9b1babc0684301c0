"""How much of the left-out error a latent explains, out of sample."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.halves import MISLEADS, UNDEFINED, heldout_improvement, sums_in_halves
from xc.evaluate.latent_scaling import across, error_numerator
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.metrics import mse_improvement_error
from xc.evaluate.row_block import RowBlock


def partial(block: RowBlock) -> Sums:
    """The sums of the value in sample, over the block and over its odd sequences."""
    return sums_in_halves(block, mse_improvement_error.partial)


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Relative improvement, mean of both ways."""
    found = heldout_improvement(
        sums, facts, numerator=error_numerator, before=mse_improvement_error.before
    )
    return across(found, facts)


METRIC = Metric(
    name="mse_improvement_error_heldout",
    scope=Scope.LATENT_SOURCE_DIRECTION,
    reads=Pass.ROWS,
    partial=partial,
    finish=finish,
    bounds=(-float("inf"), 1.0),
    summary="As mse_improvement_error, with β from one half of the sequences, judged on the other.",
    formula=(
        "(before − after)/before as in mse_improvement_error over the held-out sequences of one"
        " parity (by their number), β fitted on those of the other: after = before − 2β Σ f⟨y, "
        "d⟩ + β² Σ f²‖d‖²; mean of both ways."
    ),
    source="xc, after Minder et al., A.7, who take other text too.",
    meaning=(
        "What β is worth on text that it was not fitted on; below mse_improvement_error by what"
        " was fitted to noise, and below 0 where all of it was."
    ),
    misleads=MISLEADS,
    undefined=UNDEFINED,
)
