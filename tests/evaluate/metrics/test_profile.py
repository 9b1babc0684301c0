"""Profiles over planted sources: snapshots in which latents are born, layers through which they
persist."""

from dataclasses import replace

import numpy as np
import pytest
from evaluating import World, make_world

from xc.evaluate import overall

GROWTH = np.array([[1, 1, 1, 1], [0, 0, 1, 1], [0, 0.2, 0.6, 1], [0, 0, 0, 2], [1, 0.3, 0.05, 0]])
"""Decoder norms of five latents over four sources."""


@pytest.fixture(scope="module")
def world() -> World:
    made = make_world(60, 5, widths=(8, 8, 8, 8), active=0.6, zero_rows=False)
    W = tuple(
        (w / np.linalg.norm(w, axis=1, keepdims=True) * GROWTH[:, [m]]).astype(np.float32)
        for m, w in enumerate(made.W)
    )
    f = np.maximum(made.f, 1e-3)
    return replace(made, W=W, f=f)


def test_latents_are_born_where_their_norm_first_reaches_a_share_of_its_largest(
    world: World,
) -> None:
    values = world.facts().values
    assert values["birth_source_10"].tolist() == [0, 2, 1, 3, 0]
    assert values["birth_source_50"].tolist() == [0, 2, 2, 3, 0]
    assert values["n_birth_10"].tolist() == [2, 1, 1, 1]
    assert values["n_birth_50"].tolist() == [2, 0, 2, 1]


def test_persistence_counts_the_sources_with_half_the_largest_norm(world: World) -> None:
    facts = world.facts()
    assert facts.values["persistence"].tolist() == [4, 2, 2, 1, 1]
    assert facts.values["persistence_mean"] == 2.0
    assert facts.values["n_present"].tolist() == [2, 1, 3, 4]
    counts = overall.counts(facts)
    assert [counts[f"n_persistence_{k}"] for k in range(1, 5)] == [2, 2, 0, 1]


def test_peaks_and_entropies(world: World) -> None:
    values = world.facts().values
    assert values["peak_source"][[2, 3, 4]].tolist() == [3, 3, 0]
    assert values["norm_entropy"][0] == pytest.approx(1.0)
    assert values["norm_entropy"][1] == pytest.approx(0.5)
    assert values["norm_entropy"][3] == 0.0


def test_a_source_alone_and_a_latent_without_norms_have_no_profile() -> None:
    alone = make_world(widths=(6,)).facts().values
    assert np.isnan(alone["persistence"]).all()
    assert np.isnan(alone["n_present"]).all()
    world = make_world(widths=(6, 6), zero_rows=False)
    for w in world.W:
        w[3] = 0
    values = world.facts().values
    for name in ("persistence", "peak_source", "norm_entropy", "birth_source_10"):
        assert np.flatnonzero(np.isnan(values[name])).tolist() == [3]


def test_widths_do_not_count() -> None:
    world = make_world(widths=(4, 64), zero_rows=False)
    for w in world.W:
        w[:] *= (w.shape[1] ** 0.5 / np.linalg.norm(w, axis=1))[:, None]
    assert set(world.facts().values["persistence"]) == {2.0}
