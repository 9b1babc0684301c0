"""Canonical correlation of two matrices with the same rows, by SVD with a rank tolerance."""

import numpy as np

from xc.evaluate.facts import Facts


def basis(rows: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the column space after centring each column: float64 [n, rank].

    Directions whose singular value is below max(n, d)·ε·σ_max count as absent, so that a
    rank-deficient matrix adds no arbitrary columns.
    """
    if len(rows) == 0:
        return np.zeros((0, 0))
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    tolerance = max(rows.shape) * np.finfo(np.float64).eps * singular[:1]
    found: np.ndarray = left[:, singular > np.maximum(tolerance, np.finfo(np.float64).tiny)]
    return found


def mean_squared_correlation(p: np.ndarray, q: np.ndarray) -> float:
    """Mean squared canonical correlation of two bases; NaN if one is empty.

    Args:
        p: [n, rank of p], orthonormal columns.
        q: [n, rank of q], orthonormal columns.
    """
    smaller = min(p.shape[1], q.shape[1])
    if smaller == 0:
        return float("nan")
    return float(np.clip(np.square(p.T @ q).sum() / smaller, 0.0, 1.0))


def alive_bases(facts: Facts, p: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    """Bases of two sources' decoders over the latents that fire; NaN-free, maybe of rank 0."""
    alive = facts.alive
    return basis(facts.decoder.W[p][alive]), basis(facts.decoder.W[q][alive])
