"""Leaving out a group: the textbook's numbers, bounds, and what cannot be told."""

import numpy as np
import pytest
from scipy import stats

from xc.evaluate.jackknife import jackknife

UNBOUNDED = (-np.inf, np.inf)


def test_of_a_mean_it_is_students_interval() -> None:
    """With one number a group the jackknife of the mean is s/√n."""
    x = np.random.default_rng(0).normal(size=12)
    left_out = (x.sum() - x) / 11
    found = jackknife(np.array(x.mean()), left_out, bounds=UNBOUNDED)
    expected = stats.t.interval(0.95, 11, loc=x.mean(), scale=stats.sem(x))
    assert found == pytest.approx(expected)


def test_it_stays_within_bounds_and_keeps_shapes() -> None:
    left_out = np.array([[0.1, 0.5], [0.9, 0.5], [0.2, 0.5]])
    found = jackknife(np.array([0.4, 0.5]), left_out, bounds=(0.0, 1.0))
    assert found is not None
    np.testing.assert_array_equal(found, [[0.0, 0.5], [1.0, 0.5]])


def test_one_group_tells_nothing_and_an_undefined_value_has_none() -> None:
    assert jackknife(np.array(1.0), np.array([1.0]), bounds=UNBOUNDED) is None
    found = jackknife(np.array(1.0), np.array([1.0, np.nan, 2.0]), bounds=UNBOUNDED)
    assert np.isnan(found).all()
