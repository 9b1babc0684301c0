"""Permutations that leave no row in its sequence, and the windows they are drawn in."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xc.evaluate.nulls.permutation import derange, windows
from xc.store_schema import RequestError


@given(lengths=st.lists(st.integers(1, 9), min_size=2, max_size=30), seed=st.integers(0, 5))
def test_no_row_stays_in_its_sequence(lengths: list[int], seed: int) -> None:
    sequence = np.repeat(np.arange(len(lengths)), lengths)
    if 2 * max(lengths) > sum(lengths):
        with pytest.raises(RequestError, match="more than half"):
            derange(sequence, np.random.default_rng(seed))
        return
    order = derange(sequence, np.random.default_rng(seed))
    assert sorted(order) == list(range(len(sequence)))
    assert (sequence[order] != sequence).all()
    np.testing.assert_array_equal(order, derange(sequence, np.random.default_rng(seed)))


def test_no_rows_are_no_trouble() -> None:
    assert len(derange(np.empty(0, dtype=np.int64), np.random.default_rng(0))) == 0


def test_rows_go_anywhere() -> None:
    """Each of 8 rows in pairs comes to hold each row of the other pairs about equally often."""
    sequence = np.repeat(np.arange(4), 2)
    held = np.zeros((8, 8))
    rng = np.random.default_rng(0)
    for _ in range(6000):
        held[np.arange(8), derange(sequence, rng)] += 1
    apart = sequence[:, None] != sequence
    assert (held[~apart] == 0).all()
    assert held[apart].min() > 850  # 1000 each, were it even
    assert held[apart].max() < 1150


@example(lengths=[1, 1, 1, 1, 3], most=1)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=30), most=st.integers(1, 40))
def test_windows_cover_all_sequences_in_order(lengths: list[int], most: int) -> None:
    found = list(windows(lengths, most))
    assert [first for first, _ in found] == [0, *(last for _, last in found[:-1])]
    assert found[-1][1] == len(lengths)
    possible = [2 * max(lengths[a:b]) <= sum(lengths[a:b]) for a, b in found]
    assert all(possible) or len(found) == 1


def test_windows_keep_to_their_size() -> None:
    assert list(windows([4] * 10, 12)) == [(0, 3), (3, 6), (6, 10)]
    assert list(windows([4] * 9, 12)) == [(0, 3), (3, 6), (6, 9)]
    assert list(windows([9, 1, 9], 4)) == [(0, 3)]
