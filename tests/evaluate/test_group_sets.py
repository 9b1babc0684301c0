"""Sets of groups: balanced, and the variance over them is that of a mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate.group_sets import HALF, SHARE, at_once, first, freedom, sets


@given(st.integers(2, 60), st.sampled_from([SHARE, HALF]))
def test_every_group_is_left_out_as_often(n: int, share: int) -> None:
    k = at_once(n, share)
    found = sets(n, k)
    assert len(found) == n
    assert {len(part) for part in found} == {k}
    assert np.bincount([group for part in found for group in part]).tolist() == [k] * n


def test_two_groups_meet_about_as_often_as_any_other_two() -> None:
    """20 differences of five numbers, over 19: all but those of 10 once is the best there could be;
    this set misses two."""
    met = np.zeros((20, 20), int)
    for part in sets(20, at_once(20)):
        met[np.ix_(sorted(part), sorted(part))] += 1
    assert first(20, 5).tolist() == [0, 1, 3, 7, 12]
    assert met[~np.eye(20, dtype=bool)].max() == 2
    assert np.mean(met[~np.eye(20, dtype=bool)] == 1) > 0.7


def test_few_groups_are_left_out_one_by_one() -> None:
    assert sets(5, at_once(5)) == [{g} for g in range(5)]
    assert sets(1, 1) == []
    assert [at_once(n) for n in (2, 15, 16, 20, 21, 40)] == [1, 1, 4, 5, 5, 10]
    assert [at_once(n, HALF) for n in (15, 16, 20, 21)] == [1, 8, 10, 10]


@pytest.mark.parametrize(("n", "k"), [(12, 1), (16, 4), (20, 5), (20, 10), (40, 10)])
def test_freedom_is_that_of_the_variance_of_a_mean(n: int, k: int) -> None:
    """Of normal numbers: 2·mean²/variance of the variance, as for χ²."""
    rng, member = np.random.default_rng(n), np.zeros((n, n))
    for i, part in enumerate(sets(n, k)):
        member[i, sorted(part)] = 1
    y = rng.normal(size=(20_000, n))
    left_out = (y.sum(axis=1, keepdims=True) - y @ member.T) / (n - k)
    variance = (n - k) / k * left_out.var(axis=1)
    assert variance.mean() == pytest.approx(1 / n, rel=0.02)
    assert 2 * variance.mean() ** 2 / variance.var() == pytest.approx(freedom(n, k), rel=0.06)


def test_freedom_of_one_at_a_time_is_all_but_one() -> None:
    assert freedom(20, 1) == pytest.approx(19)
    assert freedom(21, 5) < freedom(21, 1)
