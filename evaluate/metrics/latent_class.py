"""Class of a latent by its relative norm and whether it fires."""

import numpy as np

from xc.evaluate.decoder_pairs import classify
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums, Swap


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """A label per latent and pair."""
    return classify(facts, facts.values[facts.thresholds.measure])


METRIC = Metric(
    name="class",
    scope=Scope.LATENT_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("rel_norm", "delta_norm", "frequency"),
    swap=Swap.LABELS,
    bounds=(-float("inf"), float("inf")),
    summary="shared, a_only, b_only, other, or dead.",
    formula=(
        "dead if it never fires on held-out rows; a_only if delta_norm < 0.1, b_only if > 0.9, "
        "shared if |delta_norm − 0.5| < 0.1, else other (Minder et al.). With `class_thresholds` "
        "kissane: shared if 0.3 < rel_norm < 0.7, else other, for no cut is stated; or at "
        "distances of one's own."
    ),
    source="Minder et al., figure 1c; with `class_thresholds` kissane, Kissane et al.'s notebook.",
    meaning="The first cut of what the models share; the counts of the report.",
    misleads=(
        "Thresholds are conventions; an exclusive class under L1 holds artefacts that latent "
        "scaling uncovers. Between sources of unequal width norms differ for latents that both "
        "hold alike: count by delta_norm_rms then (`n_shared_rms`)."
    ),
)
