"""Largest activation of a latent."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums, maximum
from xc.evaluate.row_block import RowBlock


def partial(block: RowBlock) -> Sums:
    """Largest f of each latent, and whether there are rows (a maximum has no other sign of it)."""
    return {"max": block.latents.maxima, "any": np.array([float(block.n_rows > 0)])}


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """The maximum itself; NaN without rows."""
    return np.where(sums["any"] > 0, sums["max"], np.nan)


METRIC = Metric(
    name="max_activation",
    scope=Scope.LATENT,
    reads=Pass.LATENTS,
    partial=partial,
    combine=maximum,
    finish=finish,
    bounds=(0.0, float("inf")),
    summary="Largest f over held-out rows.",
    formula="max f_j over held-out rows; 0 if it never fires.",
    source="In common use; Minder et al.'s code.",
    meaning="The scale on which a latent's single activations are to be read.",
    misleads="Grows with the number of rows, and one odd row decides it.",
    version=2,
)
