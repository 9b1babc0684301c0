"""Norm of a latent's decoder row once the normalisation is folded in."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Norms over scales."""
    return np.asarray(facts.decoder.norms / np.array(facts.decoder.scale))


METRIC = Metric(
    name="norm_folded",
    scope=Scope.LATENT_SOURCE,
    reads=Pass.NONE,
    finish=finish,
    bounds=(0.0, float("inf")),
    summary="Decoder norm in the units of the raw activations.",
    formula="‖d_j‖ / scale.",
    source="xc.",
    meaning="What a patch or a steering vector adds to the model.",
    misleads=(
        "Sources of different activation scale are not comparable by it; classes use the "
        "normalised norms."
    ),
)
