"""Whether the widths of two sources alone take shared latents out of the class `shared`."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from xc.evaluate.class_thresholds import ClassThresholds
from xc.evaluate.decoder import Decoder
from xc.evaluate.letters import letter
from xc.store_schema import ActivationStore


def width_note(
    widths: Sequence[int], lengths: Sequence[float], thresholds: ClassThresholds
) -> str | None:
    """What to tell of sources whose widths lie too far apart; None if none do.

    A latent that two sources hold alike has decoder norms in the ratio of the lengths of their
    activations: √(width/width) where training brought each to √width. Thresholds call it shared
    down to a ratio of theirs.

    Args:
        widths: d_model of each source.
        lengths: of each source's activations as normalised, in root mean square.
        thresholds: where the classes are cut.
    """
    least, _ = thresholds.ratios()
    apart = [
        f"{letter(p).upper()} and {letter(q).upper()}"
        for p, q in combinations(range(len(widths)), 2)
        if widths[p] != widths[q] and _ratio(lengths[p], lengths[q]) <= least
    ]
    if not apart:
        return None
    return (
        f"the widths of {', '.join(apart)} lie so far apart that latents which both hold alike are "
        "classed other by their norms; n_shared_rms, n_a_only_rms, … count by norms per dimension"
    )


def lengths(store: ActivationStore, keys: Sequence[str], decoder: Decoder) -> tuple[float, ...]:
    """Root mean square length of each source's activations as normalised in training."""
    found = []
    for m, key in enumerate(keys):
        told = store.statistics(key)
        square = told.variance.sum() + np.square(told.mean - decoder.mean[m]).sum()
        found.append(float(np.sqrt(square)) * decoder.scale[m])
    return tuple(found)


def _ratio(p: float, q: float) -> float:
    return min(p, q) / max(p, q) if max(p, q) > 0 else 1.0
