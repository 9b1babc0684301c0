"""Text files fall into documents after blank lines, and nothing is lost."""

import io

from hypothesis import given
from hypothesis import strategies as st

from xc.harvest.text_files import LONGEST, TARGET_CHARACTERS, cut_lines


def cut(text):
    return list(cut_lines(io.StringIO(text, newline="")))


@given(st.lists(st.sampled_from(["word " * 30, "\n", "\n\n", " \r\n", "x" * 5000]), max_size=60))
def test_joined_it_is_the_file(parts):
    text = "".join(parts)
    pieces = cut(text)
    assert "".join(pieces) == text
    assert all(0 < len(p) <= LONGEST for p in pieces)


def test_cuts_are_after_blank_lines():
    paragraph = "A line of some text.\n" * 20
    pieces = cut("\n".join([paragraph] * 60))
    assert len(pieces) > 4
    for piece in pieces[:-1]:
        assert piece.endswith("\n\n")
        assert TARGET_CHARACTERS <= len(piece) < 2 * TARGET_CHARACTERS
    assert not any(piece.startswith("\n") for piece in pieces)


def test_a_short_file_is_one_document():
    assert cut("one\n\ntwo\n") == ["one\n\ntwo\n"]


def test_lines_without_blank_ones_are_cut_at_their_ends():
    pieces = cut("some words on a line\n" * 10_000)
    assert all(piece.endswith("\n") for piece in pieces)
    assert max(map(len, pieces)) <= LONGEST


def test_one_endless_line_is_cut_anyway():
    assert list(map(len, cut("x" * (2 * LONGEST + 5)))) == [LONGEST, LONGEST, 5]


def test_an_empty_file_has_no_documents():
    assert cut("") == []
