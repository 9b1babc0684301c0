"""Scales: there and back, never past an end, and the error is as large everywhere."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate.scales import scale

INF = float("inf")
BOUNDS = [(0.0, 1.0), (-1.0, 1.0), (0.0, INF), (1.0, INF), (-INF, 1.0), (-INF, INF)]


@given(st.sampled_from(BOUNDS), st.floats(-50, 50), st.floats(-50, 50))
def test_there_and_back(bounds: tuple[float, float], x: float, y: float) -> None:
    x, y = sorted(np.clip([x, y], *bounds).tolist())
    own = scale(bounds)
    with np.errstate(divide="ignore"):
        there = own.there(np.array([x, y]))
    assert there[0] <= there[1]
    np.testing.assert_allclose(own.back(there), [x, y], rtol=1e-12, atol=1e-12)


@given(st.sampled_from(BOUNDS), st.floats(-1e3, 1e3))
def test_nothing_is_past_an_end(bounds: tuple[float, float], y: float) -> None:
    assert bounds[0] <= float(scale(bounds).back(np.array(y))) <= bounds[1]


def test_rounding_past_an_end_is_the_end() -> None:
    for low, high in BOUNDS[:-1]:
        for end, past in ((low, low - 1e-12), (high, high + 1e-12)):
            if np.isfinite(end):
                with np.errstate(divide="ignore"):
                    both = scale((low, high)).there(np.array([end, past]))
                assert both[0] == both[1]


def test_only_the_place_between_two_ends_counts() -> None:
    share, coefficient = np.array([0.0, 0.24, 1.0]), np.array([-0.9, 0.0, 0.3])
    np.testing.assert_allclose(
        scale((2.0, 12.0)).there(2 + 10 * share), scale((0.0, 1.0)).there(share)
    )
    np.testing.assert_allclose(
        scale((-10.0, 10.0)).there(10 * coefficient), scale((-1.0, 1.0)).there(coefficient)
    )


@pytest.mark.parametrize(
    ("bounds", "draw", "means"),
    [
        ((0.0, INF), lambda rng, mean: rng.poisson(mean, 40_000), (8.0, 20.0, 60.0)),
        ((0.0, 1.0), lambda rng, mean: rng.binomial(60, mean, 40_000) / 60, (0.2, 0.5, 0.9)),
        (
            (-1.0, 1.0),
            lambda rng, mean: _correlations(mean, rng.normal(size=(2, 40_000, 30))),
            (-0.6, 0.0, 0.9),
        ),
    ],
)
def test_the_error_is_as_large_everywhere(
    bounds: tuple[float, float],
    draw: Callable[[np.random.Generator, float], np.ndarray],
    means: tuple[float, ...],
) -> None:
    """Of counts, shares and coefficients, whose plain errors are two to five times as large."""
    drawn = [draw(np.random.default_rng(0), mean) for mean in means]
    plain = [x.std() for x in drawn]
    scaled = [scale(bounds).there(x).std() for x in drawn]
    assert max(plain) > 1.6 * min(plain)
    assert max(scaled) < 1.12 * min(scaled)


def _correlations(rho: float, normal: np.ndarray) -> np.ndarray:
    x, y = normal[0], rho * normal[0] + np.sqrt(1 - rho**2) * normal[1]
    x, y = (z - z.mean(axis=1, keepdims=True) for z in (x, y))
    found: np.ndarray = np.vecdot(x, y) / np.sqrt(np.vecdot(x, x) * np.vecdot(y, y))
    return found
