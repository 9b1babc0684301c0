"""Class of a latent by delta_norm and whether it fires."""

import numpy as np

from xc.evaluate.decoder_pairs import DEAD, OTHER, SHARED
from xc.evaluate.facts import Facts
from xc.evaluate.letters import letter
from xc.evaluate.metric import Metric, Pass, Scope, Sums, Swap

EXCLUSIVE = 0.1
"""Distance of delta_norm from 0 or 1 within which a latent belongs to one source."""
WITHIN = 0.1
"""Distance from ½ within which it is shared."""


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """A label per latent and pair."""
    columns = [
        _classes(facts.values["delta_norm"][:, i], facts.alive, p=letter(p), q=letter(q))
        for i, (p, q) in enumerate(facts.pairs)
    ]
    return np.stack(columns, axis=1) if columns else np.zeros((facts.decoder.d_sae, 0), "U1")


def _classes(delta: np.ndarray, alive: np.ndarray, *, p: str, q: str) -> np.ndarray:
    conditions = [~alive, delta < EXCLUSIVE, delta > 1 - EXCLUSIVE, np.abs(delta - 0.5) < WITHIN]
    return np.select(conditions, [DEAD, f"{p}_only", f"{q}_only", SHARED], OTHER)


METRIC = Metric(
    name="class",
    scope=Scope.LATENT_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("delta_norm", "frequency"),
    swap=Swap.LABELS,
    bounds=(-float("inf"), float("inf")),
    summary="shared, a_only, b_only, other, or dead.",
    formula=(
        "dead if it never fires on held-out rows; a_only if delta_norm < 0.1, b_only if > 0.9, "
        "shared if |delta_norm − 0.5| < 0.1, else other (Minder et al.)."
    ),
    meaning="The first cut of what the models share; the counts of the report.",
    misleads=(
        "Thresholds are conventions; an exclusive class under L1 holds artefacts that latent "
        "scaling uncovers."
    ),
)
