"""Alignment beyond chance."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums

_NOISE = 1e-9


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """(R² − c)/(1 − c) of each pair."""
    chance, found = facts.values["alignment_chance"], facts.values["alignment"]
    room = 1 - chance
    share = np.divide(found - chance, room, out=np.full_like(found, np.nan), where=room > _NOISE)
    return np.asarray(share)


METRIC = Metric(
    name="alignment_adjusted",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("alignment", "alignment_chance"),
    bounds=(-float("inf"), 1.0),
    summary="Alignment with the chance level taken out: 0 is chance, 1 is perfect.",
    formula="(alignment − alignment_chance) / (1 − alignment_chance).",
    meaning="Comparable between pairs of different width.",
    misleads=(
        "Noisy where chance is near 1; slightly below 0 for unrelated decoders is sampling. Far "
        "below 0 is no sampling: where most latents write to one source alone, rows of one decoder "
        "are zero where the other's are not, and the two agree less than rows put together at "
        "random."
    ),
    undefined="too few latents fire, for these widths, to tell alignment from chance",
)
