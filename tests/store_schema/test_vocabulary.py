"""Bytes of tokens, joined before they are decoded."""

from hypothesis import given
from hypothesis import strategies as st

from xc.store_schema.vocabulary import Vocabulary, pack


@given(pieces=st.lists(st.binary(max_size=6), max_size=20))
def test_packing_is_the_identity(pieces: list[bytes]) -> None:
    vocabulary = Vocabulary(*pack(pieces))
    assert len(vocabulary) == len(pieces)
    assert [vocabulary.bytes_of(i) for i in range(len(pieces))] == pieces


@given(text=st.text(max_size=20))
def test_text_cut_within_letters_is_whole_again(text: str) -> None:
    data = text.encode()
    vocabulary = Vocabulary(*pack([bytes([b]) for b in data]))
    assert vocabulary.text(range(len(data))) == text


def test_half_a_letter_is_shown_as_such() -> None:
    vocabulary = Vocabulary(*pack(["é".encode()[:1], "é".encode()[1:]]))
    assert vocabulary.piece(0) == "\ufffd"
    assert vocabulary.text([0, 1]) == "é"


def test_an_unknown_id_is_empty() -> None:
    vocabulary = Vocabulary(*pack([b"a"]))
    assert [vocabulary.piece(i) for i in (-1, 1, 5000)] == ["", "", ""]
    assert vocabulary.text([0, 7, 0]) == "aa"
