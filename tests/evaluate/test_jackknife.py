"""Leaving out groups: the textbook's numbers, bounds, steps, and what cannot be told."""

from collections.abc import Callable

import numpy as np
import pytest
from by_hand import AT_MOST_ONE, COEFFICIENT, COUNT, PLAIN, SHARE, interval
from scipy import stats

from xc.evaluate.group_sets import HALF, at_once, freedom, sets
from xc.evaluate.jackknife import is_steady, jackknife

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
    np.testing.assert_allclose(found, [[0.0, 0.5], [1.0, 0.5]], rtol=1e-15)


def test_one_group_tells_nothing_and_an_undefined_value_has_none() -> None:
    assert jackknife(np.array(1.0), np.array([1.0]), bounds=UNBOUNDED) is None
    found = jackknife(np.array(1.0), np.array([1.0, np.nan, 2.0]), bounds=UNBOUNDED)
    assert np.isnan(found).all()


@pytest.mark.parametrize(
    ("bounds", "scale", "value", "spread"),
    [
        ((0.0, 1.0), SHARE, 0.06, 0.01),
        ((0.0, 1.0), SHARE, 0.9, 0.01),
        ((0.0, np.inf), COUNT, 7.0, 0.4),
        ((-np.inf, 1.0), AT_MOST_ONE, 0.93, 0.01),
        ((-1.0, 1.0), COEFFICIENT, -0.8, 0.02),
        (UNBOUNDED, PLAIN, 3.0, 5.0),
    ],
)
@pytest.mark.parametrize("k", [1, 5])
def test_it_is_done_on_the_scale_of_the_bounds(
    bounds: tuple[float, float], scale: str, value: float, spread: float, k: int
) -> None:
    left_out = value + spread * np.random.default_rng(1).normal(size=20)
    found = jackknife(np.array(value), left_out, bounds=bounds, at_once=k)
    free = freedom(20, k) if k > 1 else None
    assert found == pytest.approx(
        interval(value, left_out.tolist(), scale, k=k, freedom=free), rel=1e-9
    )


@pytest.mark.parametrize("value", [-1.0, 1.0])
def test_a_coefficient_at_an_end_has_a_plain_interval(value: float) -> None:
    left_out = np.array([value, value, 0.9 * value, value])
    found = jackknife(np.array(value), left_out, bounds=(-1.0, 1.0))
    assert found == pytest.approx(np.clip(interval(value, left_out.tolist(), PLAIN), -1, 1))


def test_a_share_of_all_has_an_interval_below() -> None:
    found = jackknife(np.array(1.0), np.array([1.0, 1.0, 0.9, 1.0]), bounds=(0.0, 1.0))
    assert found is not None
    assert found[0] < 0.9
    assert found[1] == 1


@pytest.mark.parametrize(
    ("value", "other", "bounds"),
    [
        (0.99, 1 - 1e-16, (-1.0, 1.0)),  # a perfect ranking, up to rounding
        (0.99, 0.9999999, (-1.0, 1.0)),
        (1.0, 0.0, (0.0, np.inf)),
        (0.0, 1.0, (0.0, np.inf)),
        (0.5, 0.999, (-np.inf, 1.0)),
    ],
)
def test_a_value_much_nearer_to_an_end_has_a_plain_interval(
    value: float, other: float, bounds: tuple[float, float]
) -> None:
    left_out = np.full(20, value)
    left_out[3] = other
    found = jackknife(np.array(value), left_out, bounds=bounds)
    plain = jackknife(np.array(value), left_out, bounds=UNBOUNDED)
    assert found is not None
    assert plain is not None
    assert found == pytest.approx(np.clip(plain, *bounds))


@pytest.mark.parametrize("bounds", [UNBOUNDED, (0.0, 1.0), (-1.0, 1.0), (0.0, np.inf)])
def test_an_interval_holds_its_value_whatever_is_rounded(bounds: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(0.2, 0.9, 500)
    low, high = jackknife(values, values * (1 + 1e-16 * rng.normal(size=(20, 500))), bounds=bounds)
    assert (low <= values).all()
    assert (values <= high).all()


def test_rounding_is_no_change() -> None:
    assert is_steady(np.array([0.1 + 0.2, 0.3, 0.3]))
    assert is_steady(np.zeros(3))
    assert not is_steady(np.array([1e-20, 0, 0]))
    assert not is_steady(np.array([1.0, np.nan]))


def test_few_groups_that_carry_it_have_few_degrees_of_freedom() -> None:
    """As many as 2·mean²/variance says, of the variance of 20 numbers."""
    x = np.random.default_rng(0).exponential(size=(200_000, 20))
    variances = x.var(axis=1, ddof=1)
    expected = 2 / (2 / 19 + 6 / 20)
    assert 2 * variances.mean() ** 2 / variances.var() == pytest.approx(expected, rel=0.03)
    one = np.eye(20)[0]
    found = jackknife(np.array(0.0), one, bounds=UNBOUNDED)
    se = np.sqrt(19 / 20 * np.square(one - 0.05).sum())
    free = 2 / (2 / 19 + stats.kurtosis(one) / 20)
    assert found == pytest.approx(np.array([-1, 1]) * stats.t.ppf(0.975, free) * se)


def test_where_few_groups_carry_it_the_mean_is_held() -> None:
    """Student's t of all degrees of freedom holds it in 91 to 92 of 100."""
    x = np.random.default_rng(0).exponential(size=(20, 4000))
    left_out = (x.sum(axis=0) - x) / 19
    low, high = jackknife(x.mean(axis=0), left_out, bounds=(0.0, np.inf))
    plain = stats.t.ppf(0.975, 19) * stats.sem(x)
    assert np.mean(np.abs(x.mean(axis=0) - 1) <= plain) < 0.92
    assert 0.93 < np.mean((low <= 1) & (high >= 1)) < 0.96


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
