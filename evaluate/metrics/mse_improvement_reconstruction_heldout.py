"""How much of the reconstruction a latent explains, out of sample."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.halves import MISLEADS, UNDEFINED, heldout_improvement, sums_in_halves
from xc.evaluate.latent_scaling import across, xhat_numerator
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.metrics import mse_improvement_reconstruction
from xc.evaluate.row_block import RowBlock


def partial(block: RowBlock) -> Sums:
    """The sums of the value in sample, over the block and over its odd sequences."""
    return sums_in_halves(block, mse_improvement_reconstruction.partial)


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Relative improvement, mean of both ways."""
    found = heldout_improvement(
        sums, facts, numerator=xhat_numerator, before=mse_improvement_reconstruction.before
    )
    return across(found, facts)


METRIC = Metric(
    name="mse_improvement_reconstruction_heldout",
    scope=Scope.LATENT_SOURCE_DIRECTION,
    reads=Pass.ROWS,
    partial=partial,
    finish=finish,
    bounds=(-float("inf"), 1.0),
    summary="As mse_improvement_reconstruction, with β from one half of the sequences.",
    formula=(
        "(before − after)/before as in mse_improvement_reconstruction over the held-out "
        "sequences of one parity (by their number), β fitted on those of the other; mean of "
        "both ways."
    ),
    source="xc, after Minder et al., A.7, who take other text too.",
    meaning=(
        "How steadily the reconstruction lies along this latent where it fires, on other text too."
    ),
    misleads=MISLEADS,
    undefined=UNDEFINED,
)
