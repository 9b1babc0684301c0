"""Latent scaling out of sample: β from one half of the held-out sequences, judged on the other.

The halves are the sequences of even and of odd number. Sums are taken over all rows and over the
odd ones; the even ones are the difference.
"""

from collections.abc import Callable

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.latent_scaling import SQUARES, energy
from xc.evaluate.metric import Partial, Sums
from xc.evaluate.row_block import RowBlock

MISLEADS = (
    "Halves of one document may stand on both sides, and the crosscoder is the same for both; rare "
    "latents have too few rows in a half, and improve little over all rows."
)
"""When not to trust a value out of sample, whatever it is of."""
UNDEFINED = (
    "the latent does not fire in both halves, the direction is zero, or the sources differ in width"
)
"""Why there may be none."""

COUNTS = "counts"
_ODD = "odd_"

Numerator = Callable[[Sums, Facts], np.ndarray]
"""Σ f⟨y, d^t⟩ of a half, [latent, m, t]."""
Before = Callable[[Sums, Facts], np.ndarray]
"""Σ‖y‖² of a half, [latent, m]."""


def sums_in_halves(block: RowBlock, partial: Partial) -> Sums:
    """A metric's sums over the block, and over its odd sequences; with how often latents fire."""
    return {**_counted(block, partial, ""), **_counted(block.odd, partial, _ODD)}


def _counted(block: RowBlock, partial: Partial, prefix: str) -> Sums:
    sums = {**partial(block), COUNTS: block.latents.counts}
    return {prefix + name: array for name, array in sums.items()}


def heldout_improvement(
    sums: Sums, facts: Facts, *, numerator: Numerator, before: Before
) -> np.ndarray:
    """Mean of both ways, [latent, m, t]; NaN for latents that fire in one half only."""
    halves = _halves(sums)
    both = [
        _improvement(fitted, judged, facts, numerator=numerator, before=before)
        for fitted, judged in (halves, halves[::-1])
    ]
    return np.asarray((both[0] + both[1]) / 2)


def _improvement(
    fitted: Sums, judged: Sums, facts: Facts, *, numerator: Numerator, before: Before
) -> np.ndarray:
    """(before − after)/before on `judged`: after = before − 2β·N + β²·E with the other half's β."""
    beta = numerator(fitted, facts) / energy(fitted, facts)
    gained = 2 * beta * numerator(judged, facts) - beta**2 * energy(judged, facts)
    whole = before(judged, facts)
    return np.asarray(gained / np.where(whole > 0, whole, np.nan)[:, :, None])


def _halves(sums: Sums) -> tuple[Sums, Sums]:
    """Sums over the even and over the odd sequences."""
    odd = {name.removeprefix(_ODD): a for name, a in sums.items() if name.startswith(_ODD)}
    even = {name: sums[name] - odd[name] for name in odd}
    # A latent that never fires in a half has no β there: rounding must not make one up.
    return _silenced(even), _silenced(odd)


def _silenced(sums: Sums) -> Sums:
    return {**sums, SQUARES: np.where(sums[COUNTS] > 0, sums[SQUARES], 0.0)}
