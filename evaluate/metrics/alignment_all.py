"""Alignment over all latents, dead ones too, its chance level, and what is beyond it."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.metrics.alignment_adjusted import adjusted
from xc.evaluate.subspace import Agreement, agreement


def _found(facts: Facts) -> list[Agreement]:
    every = np.ones(facts.decoder.d_sae, dtype=bool)
    return [agreement(facts, every, p, q, kind="all") for p, q in facts.pairs]


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """R² of each pair."""
    return np.array([found.squared for found in _found(facts)])


def finish_chance(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean over all permutations, for each pair."""
    return np.array([found.chance for found in _found(facts)])


METRIC = Metric(
    name="alignment_all",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    bounds=(0.0, 1.0),
    summary="Alignment with dead latents counted too: a number of the weights alone.",
    formula=(
        "alignment over all latents: what Becker et al. compute, but for their code's centring "
        "with one number for the whole matrix."
    ),
    source="Becker et al., section 3.5 and its code.",
    meaning="Comparable with published values; read it against alignment_all_chance.",
    misleads=(
        "Dead latents keep much of what they were initialised with: equal starts raise it, "
        "unrelated ones lower it, and neither was learnt."
    ),
    undefined="there are fewer than two latents, or a decoder is the same in all of them",
)

CHANCE = Metric(
    name="alignment_all_chance",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish_chance,
    bounds=(0.0, 1.0),
    summary="The alignment_all that unrelated latents reach: its mean when one is permuted.",
    formula=(
        "r_A·r_B / ((n − 1)·min(r_A, r_B)) for n latents and centred decoders of rank r_A and r_B, "
        "as in alignment_chance."
    ),
    source="xc: the mean over permutations, in closed form.",
    meaning="An alignment_all at this level says nothing.",
    misleads="Near 1 when there are fewer latents than twice the width: it cannot tell anything.",
    undefined="there are fewer than two latents, or a decoder is the same in all of them",
)

ADJUSTED = adjusted(
    "alignment_all",
    summary="alignment_all with the chance level taken out: 0 is chance, 1 is perfect.",
    meaning=(
        "Comparable between pairs of different width; below alignment_adjusted by what dead "
        "latents, each with a start of its own, take from it."
    ),
    misleads=(
        "Equal starts raise it, as they raise alignment_all, though dead latents learnt nothing; "
        "noisy where chance is near 1, and below 0 as alignment_adjusted may be."
    ),
    undefined="there are too few latents, for these widths, to tell alignment from chance",
)

METRICS = (METRIC, CHANCE, ADJUSTED)
