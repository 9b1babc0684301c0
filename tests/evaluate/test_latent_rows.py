"""Latents in compressed form against the dense matrix."""

import numpy as np
from evaluating import latent_rows
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 20), st.integers(1, 10), st.integers(0, 100))
def test_everything_equals_the_dense_matrix(n: int, d_sae: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    f = np.where(rng.random((n, d_sae)) < 0.3, rng.random((n, d_sae)), 0).astype(np.float32)
    mask = rng.random(n) < 0.6
    rows, kept = latent_rows(f), latent_rows(f).keep(mask)
    np.testing.assert_array_equal(rows.matrix.toarray(), f)
    np.testing.assert_array_equal(kept.matrix.toarray(), f[mask])
    np.testing.assert_array_equal(rows.slice(n // 3, n).matrix.toarray(), f[n // 3 :])
    np.testing.assert_array_equal(rows.counts, (f > 0).sum(axis=0))
    np.testing.assert_allclose(rows.sums, f.astype(np.float64).sum(axis=0))
    np.testing.assert_allclose(rows.squares, (f.astype(np.float64) ** 2).sum(axis=0))
    np.testing.assert_array_equal(rows.maxima, f.max(axis=0, initial=0))
    active = rows.by_latent
    np.testing.assert_array_equal(active.latent, np.flatnonzero((f > 0).any(axis=0)))
    np.testing.assert_array_equal(active.matrix.toarray(), f.T[active.latent])
