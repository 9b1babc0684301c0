"""Latent scaling by algebra against what it stands for, on planted exclusives and artefacts."""

from dataclasses import replace

import numpy as np
import pytest
from evaluating import Dense, World, make_world

from xc.evaluate.latent_scaling import ratio


def planted(n: int = 4000) -> World:
    """Four latents: truly B only; B only by shrinkage; decoupled twins (2 in A, 3 in B)."""
    rng = np.random.default_rng(0)
    d = np.linalg.qr(rng.normal(size=(12, 4)))[0].T.astype(np.float32)
    f = np.where(rng.random((n, 3)) < 0.1, rng.gamma(3.0, 1.0, (n, 3)), 0)
    f = np.column_stack([f, f[:, 2]]).astype(np.float32)
    zero = np.zeros(12, np.float32)
    W = (np.stack([zero, zero, d[2], zero]), np.stack([d[0], d[1], zero, d[2]]))
    truth = (np.stack([zero, d[1], d[2], zero]), np.stack([d[0], d[1], zero, d[2]]))
    noise = [rng.normal(scale=0.05, size=(n, 12)) for _ in range(2)]
    x = tuple((f @ t + e).astype(np.float32) for t, e in zip(truth, noise, strict=True))
    base = make_world(n, 4, widths=(12, 12))
    return replace(base, f=f, x=x, W=W, b=(zero, zero))


@pytest.fixture(scope="module")
def values() -> dict[str, np.ndarray]:
    return dict(planted().facts().values)


def test_a_truly_exclusive_latent_has_no_nu(values: dict[str, np.ndarray]) -> None:
    assert abs(values["nu_error"][0, 0, 0]) < 0.05
    assert abs(values["nu_reconstruction"][0, 0, 0]) < 0.05


def test_complete_shrinkage_shows_in_nu_error(values: dict[str, np.ndarray]) -> None:
    assert values["class"][1, 0] == "b_only"
    assert values["nu_error"][1, 0, 0] == pytest.approx(1.0, abs=0.02)


def test_latent_decoupling_shows_in_nu_reconstruction(values: dict[str, np.ndarray]) -> None:
    assert values["class"][3, 0] == "b_only"
    assert abs(values["nu_error"][3, 0, 0]) < 0.05
    assert values["nu_reconstruction"][3, 0, 0] == pytest.approx(1.0, abs=0.02)


def test_rescaling_a_latent_changes_nothing() -> None:
    world = make_world(60, 8, zero_rows=False)
    scaled = replace(world, f=world.f * np.float32(4), W=tuple(w / 4 for w in world.W))
    plain, moved = world.facts().values, scaled.facts().values
    for name in ("beta_error", "beta_reconstruction", "mse_improvement_error"):
        np.testing.assert_allclose(moved[name], plain[name], atol=1e-5)


def test_beta_is_the_minimum_of_the_squared_error() -> None:
    world = make_world(60, 6, zero_rows=False, seed=3)
    dense, beta = Dense(world), world.facts().values["beta_error"]
    for j in np.flatnonzero(dense.alive):
        regressor = np.outer(dense.f[:, j], dense.d(1)[j])
        y = dense.target("error", 0, j)
        best = [((y - (beta[j, 0, 1] + step) * regressor) ** 2).sum() for step in (-1e-2, 0, 1e-2)]
        assert best[1] == min(best)


def test_a_latent_is_worth_its_share_of_what_a_source_holds() -> None:
    """All of it where there is nothing else; of the mean, only what is along the latent."""
    plain = planted()
    alone, mean = plain.f * [1, 0, 0, 0], np.full(12, 0.25, np.float32)
    x = (alone @ plain.W[1]).astype(np.float32)
    world = replace(plain, f=alone.astype(np.float32), x=(x, x + mean), b=(0 * mean, mean))
    values = world.facts(borders=[100, 900]).values
    for end in ("", "_heldout"):
        whole = values[f"mse_improvement_activation{end}"][0, :, 1]
        no_bias = values[f"mse_improvement_activation_no_bias{end}"][0, :, 1]
        assert whole[0] == pytest.approx(1, abs=1e-9)
        assert 0 < whole[1] < 0.9
        assert no_bias == pytest.approx([1, 1], abs=1e-6)


def test_nothing_is_a_share_of_rows_that_are_the_bias_alone() -> None:
    plain = planted(200)
    bias = np.linspace(-1, 1, 12).astype(np.float32)
    world = replace(plain, x=tuple(np.tile(bias, (200, 1)) for _ in "ab"), b=(bias, bias))
    values = world.facts(borders=[70]).values
    for end in ("", "_heldout"):
        assert np.isnan(values[f"mse_improvement_activation_no_bias{end}"]).all()
        assert np.isfinite(values[f"mse_improvement_activation{end}"][:, :, 1]).any()


def test_ratio_of_nothing_is_undefined() -> None:
    found = ratio(np.array([1.0, np.nan, 1e308, 3.0]), np.array([0.0, 1.0, 1e-308, 2.0]))
    np.testing.assert_array_equal(found, [np.nan, np.nan, np.nan, 1.5])
