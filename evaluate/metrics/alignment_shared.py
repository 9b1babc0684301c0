"""Alignment over shared latents alone, its chance level, and what is beyond it."""

import numpy as np

from xc.evaluate.decoder_pairs import SHARED
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.metrics.alignment_adjusted import adjusted
from xc.evaluate.subspace import Agreement, agreement


def _found(facts: Facts) -> list[Agreement]:
    shared = facts.values["class"] == SHARED
    return [
        agreement(facts, shared[:, i], p, q, kind="shared") for i, (p, q) in enumerate(facts.pairs)
    ]


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """R² of each pair over its shared latents."""
    return np.array([found.squared for found in _found(facts)])


def finish_chance(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean over all permutations, for each pair."""
    return np.array([found.chance for found in _found(facts)])


METRIC = Metric(
    name="alignment_shared",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("class",),
    bounds=(0.0, 1.0),
    summary="Alignment over the latents that both sources write: how alike they write them.",
    formula="alignment over the latents of class shared.",
    source="xc, after Becker et al., section 3.5.",
    meaning=(
        "1: one linear map takes each shared latent's direction in A to that in B. Above alignment "
        "by what exclusive latents, with a direction on one side only, take from it."
    ),
    misleads="Fewer latents: the chance level is higher; read it against alignment_shared_chance.",
    undefined="fewer than two latents are shared",
)

CHANCE = Metric(
    name="alignment_shared_chance",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish_chance,
    needs=("class",),
    bounds=(0.0, 1.0),
    summary="The alignment_shared that unrelated latents reach: its mean when one is permuted.",
    formula=(
        "r_A·r_B / ((n − 1)·min(r_A, r_B)) for n shared latents and centred decoders of rank r_A "
        "and r_B, as in alignment_chance."
    ),
    source="xc: the mean over permutations, in closed form.",
    meaning="An alignment_shared at this level says nothing.",
    misleads="Near 1 when fewer latents are shared than twice the width: it cannot tell anything.",
    undefined="fewer than two latents are shared",
)

ADJUSTED = adjusted(
    "alignment_shared",
    summary="alignment_shared with the chance level taken out: 0 is chance, 1 is perfect.",
    meaning=(
        "How alike shared latents are written, comparable between pairs of different width and "
        "number of shared latents."
    ),
    misleads=(
        "Fewer latents than in alignment_adjusted: noisy where they are few, as chance is near 1 "
        "then; slightly below 0 is sampling."
    ),
    undefined="too few latents are shared, for these widths, to tell alignment from chance",
)

METRICS = (METRIC, CHANCE, ADJUSTED)
