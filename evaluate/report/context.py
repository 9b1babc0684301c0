"""An example's tokens ready for the page: visible text, a shade of 0 to 9, the strongest marked."""

from dataclasses import dataclass
from itertools import groupby
from math import inf

from xc.evaluate.report.examples import Example
from xc.evaluate.report.numbers import number, two
from xc.evaluate.report.words import visible_piece


@dataclass(frozen=True)
class Piece:
    """A run of text with one shade."""

    text: str
    """Visible text; the page escapes it."""
    shade: int
    """0 for no activation, else 1 to 9 by activation over the latent's peak."""
    title: str
    """Activation, shown on hover; empty where the latent does not fire."""
    peak: bool
    """Whether this is the example's own token."""


def pieces(example: Example, *, peak: float) -> tuple[Piece, ...]:
    """Pieces of one example; neighbours without activation are joined.

    Args:
        example: one max-activating row.
        peak: the latent's strongest activation among its examples, shade 9.
    """
    single = [_piece(example, i, peak) for i in range(len(example.tokens))]
    return tuple(
        joined
        for quiet, run in groupby(single, key=lambda p: p.shade == 0 and not p.peak)
        for joined in (_join(list(run)) if quiet else run)
    )


def _piece(example: Example, i: int, peak: float) -> Piece:
    strength = example.activations[i]
    return Piece(
        text=visible_piece(example.tokens[i]),
        shade=shade(strength, peak=peak),
        title=number(strength, two) if strength > 0 else "",
        peak=i == example.center,
    )


def _join(run: list[Piece]) -> tuple[Piece]:
    return (Piece("".join(p.text for p in run), 0, "", peak=False),)


def shade(activation: float, *, peak: float) -> int:
    """1 to 9 in proportion to activation over peak; 0 where there is no activation."""
    if not activation > 0 or not 0 < peak < inf:
        return 0
    return max(1, round(9 * min(activation / peak, 1.0)))
