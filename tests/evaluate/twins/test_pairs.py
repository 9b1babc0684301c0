"""Matching by cosine: against all assignments there are, plain loops, and hostile sizes."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from xc.evaluate.twins.pairs import Pairs, deranged, greedy, hungarian, similar


def all_of(cosines: np.ndarray, above: float) -> Pairs:
    a, b = np.nonzero(cosines > above)
    return Pairs(a, b, cosines[a, b])


def listed(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))


def is_one_to_one(pairs: Pairs) -> bool:
    return len(set(pairs.a.tolist())) == len(set(pairs.b.tolist())) == len(pairs)


matrices = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10_000)).map(
    lambda shape: np.random.default_rng(shape[2]).uniform(-1, 1, shape[:2])
)


@settings(max_examples=60, deadline=None)
@given(cosines=matrices, above=st.sampled_from([0.0, 0.3, 0.7]))
def test_hungarian_is_the_best_of_all_one_to_one_choices(cosines: np.ndarray, above: float) -> None:
    found = hungarian(all_of(cosines, above))
    assert is_one_to_one(found)
    assert (found.cosine > above).all()
    wide = cosines if cosines.shape[0] <= cosines.shape[1] else cosines.T
    gain = np.where(wide > above, wide, 0.0)
    rows = range(len(gain))
    best = max(
        sum(gain[i, j] for i, j in zip(rows, columns, strict=True))
        for columns in permutations(range(gain.shape[1]), len(gain))
    )
    assert found.cosine.sum() == pytest.approx(best)
    assert (np.diff(found.cosine) <= 0).all()


def test_groups_that_share_no_latent_are_assigned_as_the_whole_would_be() -> None:
    rng = np.random.default_rng(0)
    cosines = np.where(rng.random((80, 60)) < 0.03, rng.random((80, 60)), 0.0)
    found = hungarian(all_of(cosines, 0.2))
    rows, columns = linear_sum_assignment(np.where(cosines > 0.2, cosines, 0.0), maximize=True)
    kept = cosines[rows, columns] > 0.2
    assert found.cosine.sum() == pytest.approx(cosines[rows[kept], columns[kept]].sum())


@settings(max_examples=60, deadline=None)
@given(cosines=matrices)
def test_greedy_takes_the_most_similar_of_what_is_left(cosines: np.ndarray) -> None:
    left, expected = np.where(cosines > 0.1, cosines, -np.inf), []
    while np.isfinite(left).any():
        i, j = np.unravel_index(np.argmax(left), left.shape)
        expected.append((int(i), int(j)))
        left[i], left[:, j] = -np.inf, -np.inf
    assert listed(greedy(all_of(cosines, 0.1))) == expected


def test_they_may_differ() -> None:
    cosines = np.array([[0.99, 0.95], [0.96, 0.5]])
    candidates = all_of(cosines, 0.9)
    assert listed(hungarian(candidates)) == [(1, 0), (0, 1)]
    assert listed(greedy(candidates)) == [(0, 0)]


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (1, 1), (1030, 40), (2100, 7)])
def test_similar_pairs_are_those_of_all_cosines(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    p, q = (rng.normal(size=(n, 4)).astype(np.float32) for n in shape)
    p[3:6] = 0
    found = similar(p, q, above=0.8)
    with np.errstate(invalid="ignore"):
        units = [v.astype(np.float64) / np.linalg.norm(v, axis=1, keepdims=True) for v in (p, q)]
    a, b = np.nonzero(units[0] @ units[1].T > 0.8)
    assert listed(found) == list(zip(a.tolist(), b.tolist(), strict=True))
    assert (found.cosine <= 1).all()


def test_nothing_similar_gives_no_twins() -> None:
    none = similar(np.eye(3, dtype=np.float32), -np.eye(3, dtype=np.float32), above=0.9)
    assert len(hungarian(none)) == len(greedy(none)) == 0


def test_three_thousand_by_three_thousand() -> None:
    rng = np.random.default_rng(2)
    centres = rng.normal(size=(1000, 32))
    p, q = (
        (np.tile(centres, (3, 1)) + 0.1 * rng.normal(size=(3000, 32))).astype(np.float32)
        for _ in range(2)
    )
    candidates = similar(p, q, above=0.9)
    assert len(candidates) >= 9000
    best, first = hungarian(candidates), greedy(candidates)
    assert len(best) == 3000
    assert is_one_to_one(best)
    assert is_one_to_one(first)
    assert best.cosine.sum() >= first.cosine.sum()


@pytest.mark.parametrize("n", [2, 3, 10, 501])
def test_a_derangement_moves_everything(n: int) -> None:
    found = deranged(n, np.random.default_rng(n))
    assert sorted(found.tolist()) == list(range(n))
    assert (found != np.arange(n)).all()
