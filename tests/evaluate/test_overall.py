"""One class per latent, for one, two and more sources."""

import numpy as np
import pytest
from evaluating import World, make_world

from xc.evaluate.facts import Facts
from xc.evaluate.overall import agreed, class_names, classes, counts


def facts_of(widths: tuple[int, ...]) -> "World":
    return make_world(widths=widths, d_sae=40, seed=3)


def test_names() -> None:
    assert class_names("a") == ("alive", "dead")
    assert class_names("ab") == ("shared", "a_only", "b_only", "other", "dead")
    assert class_names("abc")[1:4] == ("a_only", "b_only", "c_only")


def test_pairs_must_agree() -> None:
    labels = np.array(
        [
            ["shared", "shared", "shared"],
            ["a_only", "a_only", "other"],
            ["a_only", "shared", "c_only"],
            ["dead", "dead", "dead"],
            ["other", "c_only", "c_only"],
        ]
    )
    found = agreed(labels, [("a", "b"), ("a", "c"), ("b", "c")])
    assert found.tolist() == ["shared", "a_only", "other", "dead", "c_only"]


def test_one_source_is_alive_or_dead() -> None:
    facts = facts_of((6,)).facts()
    found = classes(facts)
    assert set(found) == {"alive", "dead"}
    np.testing.assert_array_equal(found == "alive", facts.alive)
    assert counts(facts) == {}


def test_two_sources_have_the_class_of_their_pair() -> None:
    facts = facts_of((6, 6)).facts()
    np.testing.assert_array_equal(classes(facts), facts.values["class"][:, 0])
    assert counts(facts) == {}


def test_three_sources_are_counted_over_all_pairs() -> None:
    facts = facts_of((6, 6, 4)).facts()
    found = counts(facts)
    of_classes = ["n_shared", "n_a_only", "n_b_only", "n_c_only", "n_other"]
    persisting = ["n_persistence_1", "n_persistence_2", "n_persistence_3"]
    assert list(found) == of_classes + persisting
    assert sum(found[key] for key in of_classes) == facts.alive.sum()  # type: ignore[misc]
    with_norms = facts.alive & (world_norms(facts) > 0)
    assert sum(found[key] for key in persisting) == with_norms.sum()  # type: ignore[misc]


def world_norms(facts: Facts) -> np.ndarray:
    return facts.decoder.norms.max(axis=1)


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1), (1, 0, 2)])
def test_the_order_of_sources_moves_the_names_alone(order: tuple[int, ...]) -> None:
    """Exclusive counts move with the sources, the others stay."""
    world = facts_of((6, 6, 6))
    moved = World(
        world.f,
        tuple(world.x[m] for m in order),
        tuple(world.W[m] for m in order),
        tuple(world.b[m] for m in order),
        world.sequence,
        tuple(world.centre[m] for m in order),
        tuple(world.scale[m] for m in order),
        world.role,
    )
    before, after = counts(world.facts()), counts(moved.facts())
    for new, old in enumerate(order):
        assert after[f"n_{'abc'[new]}_only"] == before[f"n_{'abc'[old]}_only"]
    assert (after["n_shared"], after["n_other"]) == (before["n_shared"], before["n_other"])
