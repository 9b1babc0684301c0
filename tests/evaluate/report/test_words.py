import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate.report.words import (
    JOINERS,
    LONGEST_PIECE,
    figure_text,
    printable,
    shortened,
    visible,
    visible_piece,
)

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def unseen(text: str) -> set[str]:
    return {c for c in text if unicodedata.category(c) in UNSEEN} - JOINERS


@given(ANY_TEXT)
def test_nothing_that_draws_nothing_is_left(text: str) -> None:
    assert not unseen(visible(text))
    assert not unseen(visible_piece(text))
    assert unseen(printable(text)) <= {"\n", "\t"}


@given(ANY_TEXT)
def test_every_result_can_be_encoded(text: str) -> None:
    visible(text).encode()
    printable(text).encode()


@given(ANY_TEXT)
def test_words_for_figures_are_short(text: str) -> None:
    assert len(figure_text(text, 12)) <= 12


def test_written_out() -> None:
    assert visible("a\n\tb\x00\u202ec\ud800\x7f") == "a↵⇥b␀⟨U+202E⟩c⟨U+D800⟩␡"
    assert visible(chr(sys.maxunicode)) == "⟨U+10FFFF⟩"


def test_spaces_show_where_they_would_be_lost() -> None:
    assert visible_piece(" def") == " def"
    assert visible_piece(" ") == "·"
    assert visible_piece("    return") == "····return"
    assert visible_piece("\n        ") == "↵········"


def test_a_long_piece_is_cut_and_counted() -> None:
    assert visible_piece("x" * (LONGEST_PIECE + 9)) == "x" * LONGEST_PIECE + "…(+9)"


def test_shortened_keeps_both_ends() -> None:
    assert shortened("a-model-of-a-very-long-name@12", 16) == "a-model-of…me@12"
    assert len(shortened("abcdefgh", 2)) == 2


def test_a_figure_gets_no_glyph_that_its_font_lacks() -> None:
    assert figure_text("模型$x$@1") == "□□$x$@1"
