"""Variance explained keeps its digits, and is not the field's formula that squares a mean."""

from dataclasses import replace

import numpy as np
import pytest
from evaluating import Dense, World, make_world


def shifted(offset: float) -> World:
    world = make_world(400, seed=3)
    bias = np.full(6, offset, np.float32)
    return replace(
        world,
        x=tuple((x + bias).astype(np.float32) for x in world.x),
        b=tuple(b + bias for b in world.b),
        centre=tuple(np.full(6, offset) + 0.5 for _ in world.x),
    )


def test_a_mean_far_from_zero_costs_no_digits() -> None:
    world = shifted(1000.0)
    dense = Dense(world)
    expected = [1 - dense.error(m) / dense.variance(m) for m in range(2)]
    np.testing.assert_allclose(world.facts().values["fve"], expected, rtol=1e-4)


def test_the_centre_does_not_matter() -> None:
    world = make_world(100)
    moved = replace(world, centre=tuple(c + 3.0 for c in world.centre))
    for name in ("fve", "fve_pooled"):
        np.testing.assert_allclose(moved.facts().values[name], world.facts().values[name])


def test_a_perfect_reconstruction_explains_everything_and_the_mean_nothing() -> None:
    world = make_world(200)
    perfect = replace(
        world, x=tuple(world.f @ w + b for w, b in zip(world.W, world.b, strict=True))
    )
    np.testing.assert_allclose(perfect.facts().values["fve"], 1.0, atol=1e-10)
    mean = tuple(x.mean(axis=0) for x in world.x)
    silent = replace(world, f=np.zeros_like(world.f), b=mean)
    np.testing.assert_allclose(silent.facts().values["fve"], 0.0, atol=1e-6)


def test_a_constant_offset_of_the_reconstruction_counts() -> None:
    """A formula by Var(x − x̂) would not see it."""
    world = make_world(200)
    off = replace(world, b=tuple(b + np.float32(2) for b in world.b))
    assert (off.facts().values["fve"] < world.facts().values["fve"] - 0.1).all()


def test_pooling_adds_numerators_and_denominators() -> None:
    dense, facts = Dense(make_world()), make_world().facts()
    weights = np.array([dense.variance(m) for m in range(2)])
    expected = np.average(facts.values["fve"], weights=weights)
    assert facts.values["fve_pooled"] == pytest.approx(expected, abs=1e-6)
