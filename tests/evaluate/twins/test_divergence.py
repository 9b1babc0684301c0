"""Divergence of two latents: against dense counts, in any pieces, and at its ends."""

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from evaluating import latent_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from xc.evaluate.metric import add
from xc.evaluate.twins import divergence as module
from xc.evaluate.twins.divergence import THRESHOLDS, Question, count, divergence, question


def dense(f: np.ndarray, pairs: Question) -> tuple[np.ndarray, np.ndarray]:
    """Divergence and high rows, pair by pair."""
    apart, rows = np.full((2, len(pairs)), np.nan), np.zeros((2, len(pairs)))
    for i, (high, low) in enumerate(THRESHOLDS):
        for k in range(len(pairs)):
            a = f[:, pairs.a[k]].astype(np.float64) * pairs.scale_a[k]
            b = f[:, pairs.b[k]].astype(np.float64) * pairs.scale_b[k]
            either = ((a > high) | (b > high)).sum()
            split = ((a > high) & (b <= low)).sum() + ((b > high) & (a <= low)).sum()
            rows[i, k] = either
            if either:
                apart[i, k] = split / either
    return apart, rows


def counted(
    f: np.ndarray, pairs: Question, group: np.ndarray | None = None, *, groups: int = 1
) -> dict[str, np.ndarray]:
    """Counts over these rows, of one group unless told otherwise."""
    group = np.zeros(len(f), np.int16) if group is None else group
    return count(latent_rows(f), pairs, group, groups=groups)


def drawn(rng: np.random.Generator, n_rows: int, d_sae: int, n_pairs: int) -> tuple:
    f = np.where(rng.random((n_rows, d_sae)) < 0.5, rng.gamma(2.0, 1.0, (n_rows, d_sae)), 0)
    f = f.astype(np.float32)
    a, b = rng.integers(0, d_sae, (2, n_pairs))
    return f, question(a, b, rng.uniform(0.5, 2, d_sae), np.maximum(f.max(axis=0), 0.1))


@settings(max_examples=40, deadline=None)
@given(
    n_rows=st.integers(1, 40), d_sae=st.integers(1, 8), n_pairs=st.integers(1, 20),
    cuts=st.lists(st.integers(0, 40), max_size=3), seed=st.integers(0, 1000),
)  # fmt: skip
def test_equals_the_dense_count_however_the_rows_are_cut(
    *, n_rows: int, d_sae: int, n_pairs: int, cuts: list[int], seed: int
) -> None:
    f, pairs = drawn(np.random.default_rng(seed), n_rows, d_sae, n_pairs)
    borders = [0, *sorted(c for c in cuts if c <= n_rows), n_rows]
    group = np.random.default_rng(seed).integers(0, 3, n_rows)
    parts = [counted(f[a:b], pairs, group[a:b], groups=3) for a, b in pairwise(borders)]
    by_group = reduce(add, parts)
    choices = [(group >= 0, {k: v.sum(axis=0) for k, v in by_group.items()})]
    choices += [(group == g, {k: v[g] for k, v in by_group.items()}) for g in range(3)]
    for rows, counts in choices:
        for found, expected in zip(divergence(counts), dense(f[rows], pairs), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_pairs_are_taken_in_pieces_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    f, pairs = drawn(np.random.default_rng(0), 60, 10, 50)
    whole = counted(f, pairs)
    monkeypatch.setattr(module, "_ENTRIES", 100)
    pieces = counted(f, pairs)
    for name, values in whole.items():
        np.testing.assert_array_equal(pieces[name], values)


def test_one_latent_written_twice_does_not_diverge_and_strangers_do() -> None:
    rng = np.random.default_rng(1)
    f = np.zeros((400, 3), np.float32)
    f[:200, 0] = f[:200, 1] = rng.uniform(0.5, 1, 200)
    f[200:, 2] = rng.uniform(0.5, 1, 200)
    pairs = question(np.array([0, 0]), np.array([1, 2]), np.ones(3), f.max(axis=0))
    found, high = (part[0] for part in divergence(counted(f, pairs)))
    assert found.tolist() == [[0, 1], [0, 1]]
    assert high[1].tolist() == [200, 400]


def test_scales_of_decoders_count() -> None:
    """The same f with a tenth of the norm is never high beside its twin."""
    f = np.ones((10, 2), np.float32)
    pairs = question(np.array([0]), np.array([1]), np.array([1.0, 0.1]), f.max(axis=0))
    found, _ = divergence(counted(f, pairs))
    assert found.ravel().tolist() == [1.0, 1.0]
