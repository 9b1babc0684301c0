"""Alignment against SciPy's principal angles, and what it must not depend on."""

from dataclasses import replace

import numpy as np
import pytest
from evaluating import make_world
from scipy.linalg import subspace_angles

from xc.evaluate.facts import Facts
from xc.evaluate.subspace import Agreement, _Pair, agreement, basis, mean_squared_correlation


def matrices(n: int = 80, widths: tuple[int, int] = (7, 11)) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    p = rng.normal(size=(n, widths[0]))
    q = np.column_stack([p[:, :3] + rng.normal(size=(n, 3)), rng.normal(size=(n, widths[1] - 3))])
    return p, q


def value(p: np.ndarray, q: np.ndarray) -> float:
    return mean_squared_correlation(basis(p), basis(q))


def test_equals_the_squared_cosines_of_principal_angles() -> None:
    p, q = matrices()
    angles = subspace_angles(p - p.mean(axis=0), q - q.mean(axis=0))
    assert value(p, q) == pytest.approx(float((np.cos(angles) ** 2).mean()), abs=1e-12)


def test_ignores_invertible_maps_offsets_and_order_of_latents() -> None:
    p, q = matrices()
    rng = np.random.default_rng(1)
    order = rng.permutation(len(p))
    moved = (p @ rng.normal(size=(7, 7)) + 5.0)[order]
    assert value(moved, q[order]) == pytest.approx(value(p, q), abs=1e-10)


def test_a_rank_deficient_matrix_adds_no_directions() -> None:
    p, q = matrices()
    padded = np.column_stack([p, p[:, :2] + p[:, 2:4], np.ones(len(p)), np.zeros(len(p))])
    assert basis(padded).shape == (80, 7)
    assert value(padded, q) == pytest.approx(value(p, q), abs=1e-10)


def test_nothing_to_correlate_is_undefined() -> None:
    assert np.isnan(value(np.ones((5, 3)), np.random.default_rng(0).normal(size=(5, 2))))


def test_chance_is_the_mean_over_permutations() -> None:
    p, q = (basis(rows) for rows in matrices(40))
    rng = np.random.default_rng(2)
    drawn = [mean_squared_correlation(p, q[rng.permutation(40)]) for _ in range(3000)]
    found = Agreement(squared=0.0, ranks=(7, 11), n=40).chance
    assert found == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / np.sqrt(3000))


def test_chance_is_what_unrelated_decoders_reach() -> None:
    world = make_world(60, 400, widths=(10, 10), zero_rows=False, active=0.9)
    rng = np.random.default_rng(5)
    for w in world.W:
        w[:] = rng.normal(size=w.shape)
    facts = world.facts()
    assert facts.values["alignment_chance"][0] == 10 / (facts.alive.sum() - 1)
    assert abs(facts.values["alignment_adjusted"][0]) < 0.02


def test_too_few_latents_to_tell_gives_no_adjusted_value() -> None:
    facts: Facts = make_world(60, 5, widths=(8, 8), zero_rows=False).facts()
    assert facts.values["alignment_chance"][0] == pytest.approx(1.0)
    assert np.isnan(facts.values["alignment_adjusted"][0])


@pytest.mark.parametrize("d_sae", [300, 40, 12])
@pytest.mark.parametrize("removed", [1, 3, 8, 30, 290])
def test_leaving_latents_out_is_starting_over_without_them(d_sae: int, removed: int) -> None:
    if removed >= d_sae:
        return
    world = make_world(5, d_sae, widths=(8, 11))
    W = [np.asarray(w, np.float64) + 0.5 for w in world.W]
    facts = Facts(replace(world.decoder, W=tuple(w.astype(np.float32) for w in W)))
    some = np.random.default_rng(removed).random(d_sae) < 0.9
    whole = agreement(facts, some, 0, 1)
    assert whole is agreement(facts, some, 0, 1)
    rest = some.copy()
    rest[np.flatnonzero(some)[:removed]] = False
    found = agreement(facts, rest, 0, 1)
    fresh = agreement(replace(facts, decoder=replace(facts.decoder)), rest, 0, 1)
    assert found.ranks == fresh.ranks
    assert found.n == fresh.n
    np.testing.assert_allclose(found.squared, fresh.squared, atol=1e-7)


def test_kinds_of_sets_do_not_disturb_one_another() -> None:
    world = make_world(60, 300, widths=(8, 11), zero_rows=False)
    facts = Facts(world.decoder)
    every = np.ones(300, dtype=bool)
    some = np.arange(300) % 3 != 0
    whole = agreement(facts, every, 0, 1, kind="all")
    part = agreement(facts, some, 0, 1, kind="shared")
    assert whole is agreement(facts, every, 0, 1, kind="all")
    assert part is agreement(facts, some, 0, 1, kind="shared")
    assert part.n == 200


def test_what_is_left_is_found_without_starting_over(monkeypatch: pytest.MonkeyPatch) -> None:
    world, every = make_world(5, 300, widths=(8, 11), zero_rows=False), np.ones(300, bool)
    facts = Facts(world.decoder)
    agreement(facts, every, 0, 1)
    monkeypatch.setattr(_Pair, "of", None)
    for removed in (3, 200):
        assert agreement(facts, np.arange(300) >= removed, 0, 1).n == 300 - removed


def test_latents_beyond_those_known_are_looked_at_anew() -> None:
    world = make_world(5, 30)
    facts, some = Facts(world.decoder), np.arange(30) < 20
    agreement(facts, some, 0, 1)
    found = agreement(facts, ~some, 0, 1)
    fresh = agreement(Facts(make_world(5, 30).decoder), ~some, 0, 1)
    assert found == fresh
