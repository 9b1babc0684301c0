"""How much of the left-out error a latent, rescaled, explains."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import (
    DECODED,
    across,
    error_numerator,
    improvement,
    residual_sums,
)
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.row_block import RowBlock


def partial(block: RowBlock) -> Sums:
    """The sums of latent scaling, Σ‖e‖² of each source, and Σ f⟨d, e⟩ where it decodes f."""
    whole = {"error": block.error.sum(axis=0), "alone": block.residual_decoded}
    return {**residual_sums(block), **whole}


def before(sums: Sums, facts: Facts) -> np.ndarray:
    """Σ‖y‖² = Σ‖e‖² + 2Σ f⟨d, e⟩ + Σ f²‖d‖² for y = e + f d, float64 [latent, source]."""
    alone = 2 * sums["alone"] + sums[DECODED] * facts.decoder.norms**2
    return np.asarray(sums["error"] + alone)


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Relative improvement."""
    numerator = error_numerator(sums, facts)
    return across(improvement(numerator, before(sums, facts), sums, facts), facts)


METRIC = Metric(
    name="mse_improvement_error",
    scope=Scope.LATENT_SOURCE_DIRECTION,
    reads=Pass.ROWS,
    partial=partial,
    finish=finish,
    bounds=(0.0, 1.0),
    summary="Share of the error without the latent that the latent, times its β, takes away.",
    formula=(
        "(before − after)/before over all held-out rows, before = Σ‖y‖², after = Σ‖y − β f d‖²,"
        " y as in beta_error; in sample: β is fitted on the same rows, so after = before − (Σ "
        "f⟨y, d⟩)²/(Σ f²‖d‖²)."
    ),
    source="Minder et al., A.7.",
    meaning="How much the factor β is worth: a β near 1 with no improvement explains nothing.",
    misleads=(
        "In sample it is never negative, however noisy; rare latents improve little over all rows."
    ),
    undefined="the latent is dead, the direction is zero, or the sources differ in width",
)
