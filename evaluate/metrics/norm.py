"""Norm of a latent's decoder row, as normalised in training."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """The norms themselves."""
    return facts.decoder.norms


METRIC = Metric(
    name="norm",
    scope=Scope.LATENT_SOURCE,
    reads=Pass.NONE,
    finish=finish,
    bounds=(0.0, float("inf")),
    summary="Decoder norm, acting on activations as normalised in training.",
    formula="‖d_j‖ of the decoder that acts on (x − mean)·scale.",
    source="Lindsey et al. 2024.",
    meaning="How strongly a latent writes to a source.",
    misleads=(
        "Scales against f: only ratios between sources, or norm times activation, mean something."
    ),
)
