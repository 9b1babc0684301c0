"""Alignment beyond chance: of latents that fire, and the form for other sets of latents."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums

_NOISE = 1e-9


def _beyond_chance(of: str) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        """(R² − c)/(1 − c) of each pair."""
        chance, found = facts.values[f"{of}_chance"], facts.values[of]
        room = 1 - chance
        out = np.full_like(found, np.nan)
        return np.asarray(np.divide(found - chance, room, out=out, where=room > _NOISE))

    return finish


def adjusted(of: str, *, summary: str, meaning: str, misleads: str, undefined: str) -> Metric:
    """An alignment with its chance level taken out.

    Args:
        of: name of the alignment; its chance level is the metric `<of>_chance`.
        summary: as in `Metric`.
        meaning: likewise.
        misleads: likewise.
        undefined: likewise.
    """
    return Metric(
        name=f"{of}_adjusted",
        scope=Scope.PER_PAIR,
        reads=Pass.NONE,
        finish=_beyond_chance(of),
        needs=(of, f"{of}_chance"),
        bounds=(-float("inf"), 1.0),
        summary=summary,
        formula=f"({of} − {of}_chance) / (1 − {of}_chance).",
        source="xc: above chance, as a share of what there is above it (Cohen's κ has that form).",
        meaning=meaning,
        misleads=misleads,
        undefined=undefined,
    )


METRIC = adjusted(
    "alignment",
    summary="Alignment with the chance level taken out: 0 is chance, 1 is perfect.",
    meaning="Comparable between pairs of different width.",
    misleads=(
        "Noisy where chance is near 1; slightly below 0 for unrelated decoders is sampling. Far "
        "below 0 is no sampling: where most latents write to one source alone, rows of one decoder "
        "are zero where the other's are not, and the two agree less than rows put together at "
        "random."
    ),
    undefined="too few latents fire, for these widths, to tell alignment from chance",
)
