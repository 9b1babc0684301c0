"""Null control of the encoder cosines: random pairs of latents."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.unrelated import random_cosine


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean of each pair over all pairs of different latents."""
    return np.array([_baseline(facts, p, q) for p, q in facts.pairs])


def _baseline(facts: Facts, p: int, q: int) -> float:
    decoder = facts.decoder
    if not decoder.encoders or decoder.widths[p] != decoder.widths[q]:
        return float("nan")
    return random_cosine(facts, "encoder", (p, q), (decoder.encoders[p].T, decoder.encoders[q].T))


METRIC = Metric(
    name="cosine_encoder_random_mean",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("frequency",),
    bounds=(-1.0, 1.0),
    summary="Mean cosine between encoder directions of different latents.",
    formula="mean of cos(w_i^A, w_k^B), over all pairs i ≠ k of latents that fire.",
    source="xc: over all pairs, in place of a sample of pairs.",
    meaning="What an encoder cosine is when latents have nothing to do with each other.",
    misleads="A mean near 0 still has a spread of about 1/√d_model.",
    undefined="the sources differ in width, or fewer than two latents fire",
)
