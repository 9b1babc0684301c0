"""Share of rows on which a latent fires."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.row_block import RowBlock


def partial(block: RowBlock) -> Sums:
    """Firing rows of each latent, and rows."""
    return {"fired": block.latents.counts, "rows": np.array([float(block.n_rows)])}


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Firing rows over rows; NaN without rows."""
    fired, rows = sums["fired"], sums["rows"]
    return np.divide(fired, rows, out=np.full_like(fired, np.nan), where=rows > 0)


METRIC = Metric(
    name="frequency",
    scope=Scope.LATENT,
    reads=Pass.LATENTS,
    partial=partial,
    finish=finish,
    bounds=(0.0, 1.0),
    summary="Share of held-out rows on which the latent fires.",
    formula="#{rows : f_j > 0} / #rows, held-out rows.",
    source="In common use; Becker et al., figure 7; Minder et al., figure 11.",
    meaning="0 is dead; above about 0.1 a latent is dense and rarely has one meaning.",
    misleads=(
        "Depends on the text: a latent for a topic that the held-out documents lack looks dead."
    ),
)
