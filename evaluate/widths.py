"""Whether the widths of two sources alone take shared latents out of the class `shared`."""

from xc.evaluate.class_thresholds import ClassThresholds
from xc.evaluate.decoder import Decoder
from xc.evaluate.letters import letter


def width_note(decoder: Decoder, thresholds: ClassThresholds) -> str | None:
    """What to tell the user of sources whose widths lie too far apart; None if none do.

    With lengths normalised to √d_model a latent that both hold alike has norms in the ratio
    √(width/width), which the thresholds call shared only down to a ratio of theirs.
    """
    least, _ = thresholds.ratios()
    n = decoder.n_sources
    apart = [
        f"{letter(p).upper()} and {letter(q).upper()}"
        for p in range(n)
        for q in range(p + 1, n)
        if ratio(decoder, p, q) ** 0.5 <= least
    ]
    if not apart:
        return None
    return (
        f"the widths of {', '.join(apart)} lie so far apart that latents which both hold alike are "
        "classed other by their norms; n_shared_rms, n_a_only_rms, … count by norms per dimension"
    )


def ratio(decoder: Decoder, p: int, q: int) -> float:
    """The smaller width over the larger."""
    widths = decoder.widths[p], decoder.widths[q]
    return min(widths) / max(widths)
