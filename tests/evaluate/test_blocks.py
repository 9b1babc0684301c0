"""Cuts: they cover the range once, and lie at the same rows wherever it begins."""

from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate.blocks import cut, cut_all


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 64))
def test_pieces_join_up_at_multiples(start: int, length: int, size: int) -> None:
    pieces = cut(start, start + length, size)
    assert [row for a, b in pieces for row in range(a, b)] == list(range(start, start + length))
    assert all(b % size == 0 for _, b in pieces[:-1])
    assert all(0 < b - a <= size for a, b in pieces)


def test_ranges_are_cut_one_after_the_other() -> None:
    assert cut_all([(3, 9), (10, 12)], 4) == ((3, 4), (4, 8), (8, 9), (10, 12))
