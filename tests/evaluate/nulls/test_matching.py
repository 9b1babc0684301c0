"""Latents matched across crosscoders: exact, one to one, and nothing by chance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from xc.evaluate.nulls import matching
from xc.evaluate.nulls.matching import match, turned


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T) / np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 14), m=st.integers(1, 14), width=st.integers(1, 5), seed=st.integers(0, 9))
def test_it_is_the_dense_assignment(n: int, m: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, width)), rng.normal(size=(m, width))
    found = match(a, b, least=0.5)
    c = cosines(a, b)
    np.testing.assert_allclose(found.best, c.max(axis=1))
    dense = np.where(c >= 0.5, c, 0)
    rows, columns = linear_sum_assignment(dense, maximize=True)
    has = found.partner >= 0
    assert np.nansum(found.cosine) == pytest.approx(dense[rows, columns].sum())
    np.testing.assert_allclose(found.cosine[has], c[has, found.partner[has]])
    assert len(set(found.partner[has])) == has.sum()
    assert np.isnan(found.cosine[~has]).all()


def test_the_same_crosscoder_in_another_order_is_found_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matching, "CHUNK", 7)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, 30))
    order = rng.permutation(40)
    found = match(rows, 3.0 * rows[order])
    np.testing.assert_array_equal(order[found.partner], np.arange(40))
    np.testing.assert_allclose(found.cosine, 1.0)


def test_two_latents_for_one_have_one_partner() -> None:
    found = match(np.array([[1.0, 0.1], [1.0, 0.0]]), np.array([[1.0, 0.0]]))
    assert found.partner.tolist() == [-1, 0]
    assert found.best.min() > 0.99


def test_a_large_group_is_matched_greedily(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "LARGEST", 1)
    a = np.array([[1.0, 0.0], [1.0, 0.2]])
    found = match(a, np.array([[1.0, 0.2], [1.0, 0.0]]))
    assert found.partner.tolist() == [1, 0]


def test_nothing_to_match() -> None:
    rows = np.ones((3, 2))
    for found in (match(rows, rows[:0]), match(np.zeros((3, 2)), rows)):
        assert found.partner.tolist() == [-1] * 3
        assert np.isnan(found.cosine).all()
    assert len(match(rows[:0], rows).best) == 0


def test_turned_rows_keep_their_geometry_and_lose_their_directions() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 40))
    other = turned(rows, (24, 16), rng)
    for part in (slice(0, 24), slice(24, 40)):
        np.testing.assert_allclose(
            rows[:, part] @ rows[:, part].T, other[:, part] @ other[:, part].T
        )
    assert (match(rows, other).partner == -1).all()
