"""The identical-model oracle: copied decoders and equal activations."""

from dataclasses import replace

import numpy as np
import pytest
from evaluating import World, make_world

from xc.evaluate.facts import Facts


@pytest.fixture(scope="module")
def twins() -> World:
    world = make_world(200, 60, zero_rows=False)
    return replace(
        world, W=(world.W[0],) * 2, b=(world.b[0],) * 2, x=(world.x[0],) * 2,
        centre=(world.centre[0],) * 2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def facts(twins: World) -> Facts:
    return twins.facts()


def test_norms_are_equal_exactly(facts: Facts) -> None:
    assert (facts.values["delta_norm"] == 0.5).all()
    assert (facts.values["rel_norm"] == 0.5).all()


def test_everything_is_shared(facts: Facts) -> None:
    assert set(facts.values["class"][facts.alive, 0]) == {"shared"}
    assert facts.values["n_shared"] == facts.alive.sum()


def test_sharedness_and_alignment_are_one(facts: Facts) -> None:
    assert facts.values["sharedness"] == pytest.approx(1.0, abs=1e-12)
    assert facts.values["alignment"] == pytest.approx(1.0, abs=1e-12)
    assert facts.values["alignment_adjusted"] == pytest.approx(1.0, abs=1e-12)


def test_no_latent_looks_exclusive(facts: Facts) -> None:
    for name in ("nu_error", "nu_reconstruction"):
        known = facts.values[name][facts.alive]
        np.testing.assert_array_equal(known, 1.0)
