"""Histograms of whole numbers against NumPy's quantiles, and cut anywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate.histogram import COUNTS, histogram, merge_histograms, quantile


@given(
    values=st.lists(st.integers(0, 50), min_size=1, max_size=200),
    percent=st.sampled_from([1, 5, 50, 95, 99, 100]),
    cut=st.integers(0, 200),
)
def test_quantiles_are_those_of_the_numbers(values: list[int], percent: int, cut: int) -> None:
    array = np.array(values)
    merged = merge_histograms(histogram(array[:cut]), histogram(array[cut:]))
    np.testing.assert_array_equal(merged[COUNTS], histogram(array)[COUNTS])
    rank = -(-percent * len(values) // 100)
    assert quantile(merged[COUNTS], percent) == np.sort(array)[rank - 1]


def test_merging_changes_neither_side() -> None:
    left, right = histogram(np.array([0, 3])), histogram(np.array([1]))
    merge_histograms(left, right)
    assert left[COUNTS].tolist() == [1, 0, 0, 1]
    assert right[COUNTS].tolist() == [0, 1]


def test_nothing_counted_has_no_quantile() -> None:
    assert np.isnan(quantile(histogram(np.zeros(0, np.int64))[COUNTS], 50))


def test_a_rank_on_a_step_is_the_lower_number() -> None:
    assert quantile(np.array([5, 95]), 5) == pytest.approx(0.0)
    assert quantile(np.array([4, 96]), 5) == pytest.approx(1.0)
