"""The field's other definitions of explained variance: how they differ from fve, as they say."""

from dataclasses import replace

import numpy as np
import pytest
from evaluating import World, make_world

from xc.evaluate.facts import Facts


@pytest.fixture(scope="module")
def offset() -> Facts:
    """Reconstructions that are off by a constant vector on every row."""
    world = make_world(300, 10, seed=3)
    exact = tuple(world.f @ w + b for w, b in zip(world.W, world.b, strict=True))
    return replace(world, x=tuple(x + 2 for x in exact)).facts()


def test_minders_does_not_see_a_constant_offset(offset: Facts) -> None:
    assert offset.values["fve_legacy_minder"] == pytest.approx([1.0, 1.0], abs=1e-9)
    assert (offset.values["fve"] < 0.95).all()


def test_minders_is_never_below_fve() -> None:
    for seed in range(5):
        values = make_world(seed=seed).facts().values
        assert (values["fve_legacy_minder"] >= values["fve"] - 1e-12).all()
        assert values["fve_legacy_minder_pooled"] >= values["fve_pooled"] - 1e-12


def near_its_mean(world: World) -> World:
    """One row at a hair's breadth from the mean, reconstructed as the others are."""
    x = tuple(x.copy() for x in world.x)
    for rows, c in zip(x, world.centre, strict=True):
        rows[0] = c + 1e-3
    return replace(world, x=x)


def test_kissanes_is_ruled_by_rows_near_the_mean() -> None:
    world = make_world(400, 10, seed=1)
    world = replace(world, centre=tuple(x.mean(axis=0, dtype=np.float64) for x in world.x))
    plain, odd = world.facts().values, near_its_mean(world).facts().values
    assert (odd["fve_legacy_kissane"] < plain["fve_legacy_kissane"] - 100).all()
    assert odd["fve"] == pytest.approx(plain["fve"], abs=0.05)


def test_rows_without_a_ratio_or_a_cosine_are_left_out() -> None:
    world = make_world(40, 6, zero_rows=False)
    x = tuple(x.copy() for x in world.x)
    x[0][:5], x[1][:5] = world.centre[0].astype(np.float32), 0
    world = replace(world, x=x, centre=tuple(c.astype(np.float32) for c in world.centre))
    rest = replace(
        world, f=world.f[5:], x=tuple(r[5:] for r in x), sequence=world.sequence[5:],
        role=world.role[5:],
    )  # fmt: skip
    found, expected = world.facts().values, rest.facts().values
    for name, source in (("fve_legacy_kissane", 0), ("cosine_reconstruction", 1)):
        assert found[name][source] == pytest.approx(expected[name][source], abs=1e-9)
