"""Null control of the decoder cosines: random pairs of latents."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.unrelated import random_cosine


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean of each pair over all pairs of different latents."""
    return np.array([_baseline(facts, p, q) for p, q in facts.pairs])


def _baseline(facts: Facts, p: int, q: int) -> float:
    decoder = facts.decoder
    if decoder.widths[p] != decoder.widths[q]:
        return float("nan")
    return random_cosine(facts, "decoder", (p, q), (decoder.W[p], decoder.W[q]))


METRIC = Metric(
    name="cosine_random_mean",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("frequency",),
    bounds=(-1.0, 1.0),
    summary=(
        "Mean cosine between decoder directions of different latents, the null beside the cosines."
    ),
    formula="mean of cos(d_i^A, d_k^B), over all pairs i ≠ k of latents that fire.",
    source="xc: over all pairs, in place of a sample of pairs.",
    meaning="What a cosine is when latents have nothing to do with each other.",
    misleads="A mean near 0 still has a spread of about 1/√d_model.",
    undefined="the sources differ in width, or fewer than two latents fire",
)
