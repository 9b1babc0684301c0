"""Leaving out groups: the textbook's numbers, bounds, steps, and what cannot be told."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from xc.evaluate.group_sets import HALF, at_once, freedom, sets
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


def widths(count: Callable[[np.ndarray], float], k: int, draw: Callable[[], np.ndarray]) -> float:
    """Mean width over what it is to be, of a count of the sums [latent] of 20 groups."""
    found, values = [], []
    for _ in range(400):
        groups = draw()
        whole = groups.sum(axis=0)
        left_out = [
            count((whole - groups[sorted(part)].sum(axis=0)) * 20 / (20 - k))
            for part in sets(20, k)
        ]
        values.append(count(whole))
        both = jackknife(np.array(values[-1]), np.array(left_out), bounds=UNBOUNDED, at_once=k)
        assert both is not None
        found.append(both[1] - both[0])
    return float(np.mean(found) / (2 * stats.t.ppf(0.975, freedom(20, k)) * np.std(values)))


def test_latents_past_a_threshold_are_told_from_several_groups_left_out() -> None:
    """One group at a time the standard error is 19^¼ times too large; a quarter, 3^¼ times;
    with half of them, not at all."""
    rng, at = np.random.default_rng(0), np.linspace(-12, 12, 240)

    def draw() -> np.ndarray:
        return at / 20 + rng.normal(size=(20, 240)) / np.sqrt(20)

    def past(sums: np.ndarray) -> float:
        return float(np.count_nonzero(sums > 0))

    assert 1.7 < widths(past, 1, draw) < 2.4
    assert 1.1 < widths(past, at_once(20), draw) < 1.5
    assert 0.9 < widths(past, at_once(20, HALF), draw) < 1.1


def test_several_at_once_of_a_mean_is_about_one_at_a_time() -> None:
    x = np.random.default_rng(0).normal(size=20)
    left_out = np.array([np.delete(x, sorted(part)).mean() for part in sets(20, 5)])
    found = jackknife(np.array(x.mean()), left_out, bounds=UNBOUNDED, at_once=5)
    expected = stats.t.interval(0.95, 19, loc=x.mean(), scale=stats.sem(x))
    assert found is not None
    assert found.mean() == pytest.approx(x.mean())
    assert (found[1] - found[0]) / (expected[1] - expected[0]) == pytest.approx(1, abs=0.25)
