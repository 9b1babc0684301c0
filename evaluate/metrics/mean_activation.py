"""Mean activation of a latent, rows without it included."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.row_block import RowBlock


def partial(block: RowBlock) -> Sums:
    """Σ f of each latent, and rows."""
    return {"sum": block.latents.sums, "rows": np.array([float(block.n_rows)])}


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Σ f over rows; NaN without rows."""
    found, rows = sums["sum"], sums["rows"]
    return np.divide(found, rows, out=np.full_like(found, np.nan), where=rows > 0)


METRIC = Metric(
    name="mean_activation",
    scope=Scope.LATENT,
    reads=Pass.LATENTS,
    partial=partial,
    finish=finish,
    bounds=(0.0, float("inf")),
    summary="Mean of f over held-out rows, zeros included.",
    formula="Σ f_j / #rows (the abar of Becker et al.).",
    source="Becker et al., ā of eq. 2, as their code computes it.",
    meaning="How much of the code a latent carries; the weights of sharedness.",
    misleads=(
        "f and the decoder norm trade off (f·c, d/c is the same latent); f·Σ‖d‖ is free of that."
    ),
)
