"""Sharedness against SciPy's entropy, and its extremes."""

from dataclasses import replace

import numpy as np
import pytest
from evaluating import World, make_world
from scipy.stats import entropy

from xc.evaluate.entropy import binary_entropy, plogp


def with_norms(a: np.ndarray, b: np.ndarray) -> World:
    world = make_world(80, len(a), active=0.4, zero_rows=False)
    for w, norms in zip(world.W, (a, b), strict=True):
        w[:] *= (norms / np.linalg.norm(w, axis=1))[:, None].astype(np.float32)
    return world


def test_binary_entropy_is_scipys() -> None:
    share = np.linspace(0, 1, 41)
    expected = entropy(np.stack([share, 1 - share]), base=2, axis=0)
    np.testing.assert_allclose(binary_entropy(share), expected, atol=1e-15)


def test_printed_form_peaks_at_one_over_e() -> None:
    assert plogp(np.array([0.5]))[0] == 0.5
    assert plogp(np.array([1 / np.e]))[0] == pytest.approx(0.5307, abs=1e-4)
    assert plogp(np.array([0.0, 1.0])).tolist() == [0.0, 0.0]


def test_is_zero_when_every_latent_belongs_to_one_source() -> None:
    on = np.arange(10) % 2 == 0
    facts = with_norms(np.where(on, 1.0, 0.0), np.where(on, 0.0, 2.0)).facts()
    assert facts.values["sharedness"][0] == 0.0


def test_weights_are_mean_activations() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0.1, 2, 10), rng.uniform(0.1, 2, 10)
    world = with_norms(a, b)
    facts = world.facts()
    norms = world.decoder.norms
    terms = entropy(norms.T, base=2, axis=0)
    expected = np.average(terms, weights=world.f.mean(axis=0, dtype=np.float64))
    assert facts.values["sharedness"][0] == pytest.approx(expected, abs=1e-12)


def test_no_latent_fires_means_undefined() -> None:
    assert np.isnan(make_world(active=0.0).facts().values["sharedness"][0])


def test_the_weights_of_v_do_not_depend_on_how_f_and_d_share_their_scale() -> None:
    world = make_world(80, 12, active=0.4)
    factors = np.exp(np.random.default_rng(2).normal(size=12)).astype(np.float32)
    moved = replace(world, f=world.f * factors, W=tuple(w / factors[:, None] for w in world.W))
    before, after = world.facts().values, moved.facts().values
    assert after["sharedness_v"] == pytest.approx(before["sharedness_v"], abs=1e-6)
    assert after["sharedness_unweighted"] == pytest.approx(before["sharedness_unweighted"])
    assert abs(after["sharedness"] - before["sharedness"]) > 1e-3


def test_what_the_classes_contribute_adds_up_to_sharedness() -> None:
    for seed in range(4):
        values = make_world(80, 60, seed=seed).facts().values
        parts = [values[f"sharedness_from_{c}"] for c in ("shared", "a_only", "b_only", "other")]
        np.testing.assert_allclose(sum(parts), values["sharedness"], atol=1e-12)


def test_all_forms_are_one_when_all_norms_are_equal() -> None:
    values = with_norms(np.ones(10), np.ones(10)).facts().values
    for name in ("sharedness", "sharedness_v", "sharedness_unweighted", "sharedness_from_shared"):
        assert values[name][0] == pytest.approx(1.0, abs=1e-12)
