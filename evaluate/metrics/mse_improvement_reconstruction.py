"""How much of the reconstruction a latent, rescaled, explains."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import (
    across,
    improvement,
    of_every_latent,
    xhat_numerator,
    xhat_sums,
)
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.row_block import RowBlock


def partial(block: RowBlock) -> Sums:
    """The sums of latent scaling and Σ‖x̂‖² of each source."""
    return {**xhat_sums(block), "whole": block.xhat_squares.sum(axis=0)}


def before(sums: Sums, facts: Facts) -> np.ndarray:
    """Σ‖x̂‖², float64 [latent, source]."""
    return of_every_latent(sums["whole"], facts)


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Relative improvement over all rows."""
    numerator = xhat_numerator(sums, facts)
    return across(improvement(numerator, before(sums, facts), sums, facts), facts)


METRIC = Metric(
    name="mse_improvement_reconstruction",
    scope=Scope.LATENT_SOURCE_DIRECTION,
    reads=Pass.ROWS,
    partial=partial,
    finish=finish,
    bounds=(0.0, 1.0),
    summary="Share of the whole reconstruction that the latent, times its β, accounts for.",
    formula=(
        "(before − after)/before, before = Σ‖x̂‖², after = Σ‖x̂ − β f d‖², over all held-out "
        "rows; in sample."
    ),
    source="Minder et al., A.7.",
    meaning="The part of the reconstruction that lies along this latent where it fires.",
    misleads="In sample; the bias counts as reconstruction.",
    undefined="the latent is dead, the direction is zero, or the sources differ in width",
)
