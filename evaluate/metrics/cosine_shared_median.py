"""Median decoder cosine of the shared latents."""

import numpy as np

from xc.evaluate.decoder_pairs import medians, of_shared
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def members(facts: Facts) -> np.ndarray:
    """Cosines of the shared latents."""
    return of_shared(facts, "cosine")


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Median of each pair over its shared latents."""
    return medians(members(facts))


METRIC = Metric(
    name="cosine_shared_median",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    members=members,
    needs=("class", "cosine"),
    bounds=(-1.0, 1.0),
    summary="Median cosine between the decoder directions of shared latents.",
    formula="median of cosine over latents of class shared.",
    source="xc, after the histogram of Kissane et al.",
    meaning="Near 1 for a model and its fine-tune; near 0 for models without a common basis.",
    misleads="Says nothing of latents that are not shared; compare with cosine_random_mean.",
    undefined="the sources differ in width, or no latent is shared",
)
