"""Text from outside made fit to be seen: whitespace and controls visible, nothing reordered."""

import unicodedata
from functools import lru_cache

JOINERS = {"\u200c", "\u200d"}
"""Zero-width (non-)joiner: part of how Persian, Hindi and emoji are spelt, and harmless."""

LONGEST_PIECE = 64
"""Characters of one token that are shown; the rest is counted."""

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(text: str) -> str:
    """The text with every character that draws nothing, or moves others, written out.

    Newline and tab become ↵ and ⇥; other controls their pictures (␀); directional overrides,
    zero-width characters, unassigned and private ones ⟨U+202E⟩. Spaces stay.
    """
    return "".join(map(_visible_character, text))


def printable(text: str) -> str:
    """As `visible`, but line breaks and tabs stay: for whole documents."""
    return "".join(c if c in "\n\t" else _visible_character(c) for c in text)


@lru_cache(maxsize=4096)
def _visible_character(character: str) -> str:
    if character in ("\n", "\t"):
        return "↵" if character == "\n" else "⇥"
    if character in JOINERS or unicodedata.category(character) not in _UNSEEN:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def visible_piece(text: str) -> str:
    """One token: as `visible`, its spaces drawn as · where they would be lost, very long ones cut.

    A single space before or within a word stays a space, so that text reads as text.
    """
    shown = visible(text[:LONGEST_PIECE])
    if not shown.strip(" ") or "  " in shown:
        shown = shown.replace(" ", "·")
    left = len(text) - LONGEST_PIECE
    return f"{shown}…(+{left})" if left > 0 else shown


def shortened(text: str, most: int) -> str:
    """At most `most` characters, the middle left out: the ends name model and layer."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return f"{text[: most - 1 - tail]}…{text[-tail:]}" if tail else text[:most]


def figure_text(text: str, most: int = 28) -> str:
    """A name for a figure: visible, short, and only of characters that the figures' font has."""
    known = _font_characters()
    shown = "".join(c if ord(c) in known else "□" for c in visible(text))
    return shortened(shown, most)


@lru_cache(maxsize=1)
def _font_characters() -> frozenset[int]:
    from matplotlib import font_manager  # noqa: PLC0415  (slow, and terminals need none)

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    return frozenset(font.get_charmap())
