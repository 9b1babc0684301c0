"""Null control of alignment: the same with the latents of one source permuted."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.subspace import alive_agreement


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean over all permutations, for each pair."""
    return np.array([found.chance for found in alive_agreement(facts)])


METRIC = Metric(
    name="alignment_chance",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("frequency",),
    bounds=(0.0, 1.0),
    summary="The alignment that unrelated latents reach: its mean when one decoder is permuted.",
    formula=(
        "mean of alignment over all permutations of the rows of W_dec_B, exactly: r_A·r_B / "
        "((n − 1)·min(r_A, r_B)) for n alive latents and centred decoders of rank r_A and r_B."
    ),
    source="xc: the mean over permutations, in closed form.",
    meaning="An alignment at this level says nothing.",
    misleads=(
        "Near 1 when fewer latents are alive than twice the width: then alignment cannot tell "
        "anything."
    ),
    undefined="fewer than two latents fire",
)
