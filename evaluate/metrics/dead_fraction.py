"""Share of latents that never fire on held-out rows."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Dead latents over latents; NaN without rows."""
    if np.isnan(facts.values["frequency"]).any():
        return np.asarray(np.nan)
    return np.asarray(1 - facts.alive.mean())


METRIC = Metric(
    name="dead_fraction",
    scope=Scope.SCALAR,
    reads=Pass.NONE,
    finish=finish,
    needs=("frequency",),
    bounds=(0.0, 1.0),
    summary="Share of latents that never fire on held-out rows.",
    formula="#{j : no held-out row has f_j > 0} / d_sae.",
    source="In common use; Minder et al.'s code for BatchTopK.",
    meaning="Capacity that training did not use.",
    misleads=(
        "With few held-out rows, rare latents count as dead; training's own rule looks at many "
        "more tokens (dead_after_tokens)."
    ),
)
