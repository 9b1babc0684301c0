"""Alignment: mean squared canonical correlation of the two decoder matrices."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.subspace import alive_agreement


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """R² of each pair over alive latents."""
    return np.array([found.squared for found in alive_agreement(facts)])


METRIC = Metric(
    name="alignment",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("frequency",),
    bounds=(0.0, 1.0),
    summary="How far the two decoders agree up to a linear map, latent by latent.",
    formula=(
        "mean squared canonical correlation of W_dec_A and W_dec_B: rows are alive latents, "
        "columns centred, bases by SVD with a rank tolerance (the R²_CCA of Becker et al., whose "
        "code centres with one number and counts dead latents)."
    ),
    source="Becker et al., section 3.5 and its code; R²_CCA as named by Kornblith et al. 2019.",
    meaning="1: one decoder is a linear map of the other; read it against alignment_chance.",
    misleads=(
        "Unrelated decoders reach about d_model over the number of latents; long rows weigh more. "
        "The interval knows only of latents that fire on few of the rows: it says nothing of "
        "another seed."
    ),
    undefined="fewer than two latents fire",
)
