"""Dense float64 oracles of the comparisons of activations: QR and SVD of the rows themselves."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from scipy.linalg import orthogonal_procrustes


class Rows(Protocol):
    """What the oracles read of a dense world."""

    @property
    def pairs(self) -> list[tuple[int, int]]: ...

    def x(self, m: int) -> np.ndarray: ...


Compare = Callable[[np.ndarray, np.ndarray], float]


def variates(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal principal coordinates of the rows [n, rank], and singular values."""
    left, singular, _ = np.linalg.svd(x, full_matrices=False)
    rank = np.linalg.matrix_rank(x)
    return left[:, :rank], singular[:rank]


def correlations(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.linalg.svd(p.T @ q, compute_uv=False)


def cca(p: np.ndarray, q: np.ndarray) -> float:
    return float(np.square(correlations(variates(p)[0], variates(q)[0])).mean())


def svcca(p: np.ndarray, q: np.ndarray) -> float:
    cut = []
    for x in (p, q):
        left, singular = variates(x)
        share = np.cumsum(singular**2) / (singular**2).sum()
        cut.append(left[:, : 1 + int((share < 0.99).sum())])
    return float(correlations(*cut).mean())


def pwcca(p: np.ndarray, q: np.ndarray) -> float:
    a, b = variates(p)[0], variates(q)[0]
    left, found, right = np.linalg.svd(a.T @ b, full_matrices=False)
    values = []
    for x, h in ((p, a @ left), (q, b @ right.T)):
        weights = np.abs(h.T @ x).sum(axis=1)
        values.append((weights * found).sum() / weights.sum())
    return float(np.mean(values))


def cka(p: np.ndarray, q: np.ndarray) -> float:
    """By the kernels of the rows, [n, n]."""
    k, m = p @ p.T, q @ q.T
    return float((k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum()))


def procrustes(p: np.ndarray, q: np.ndarray) -> float:
    """By the map that SciPy finds, narrower rows filled up with zeros."""
    wide = max(p.shape[1], q.shape[1])
    p, q = (np.pad(x, ((0, 0), (0, wide - x.shape[1]))) for x in (p, q))
    p, q = p / np.linalg.norm(p), q / np.linalg.norm(q)
    rotation, _ = orthogonal_procrustes(p, q)
    return float(1 - np.square(p @ rotation - q).sum() / 2)


def cca_chance(p: np.ndarray, q: np.ndarray) -> float:
    ranks = [np.linalg.matrix_rank(x) for x in (p, q)]
    return float(min(max(ranks) / (len(p) - 1), 1))


def cka_chance(p: np.ndarray, q: np.ndarray) -> float:
    norms = np.linalg.norm(p.T @ p) * np.linalg.norm(q.T @ q)
    return float(min((p**2).sum() * (q**2).sum() / (len(p) - 1) / norms, 1))


def wider_rank(p: np.ndarray, q: np.ndarray) -> float:
    return float(max(np.linalg.matrix_rank(x) for x in (p, q)))


def spread(p: np.ndarray, q: np.ndarray) -> float:
    each = [np.trace(x.T @ x) / np.linalg.norm(x.T @ x) for x in (p, q)]
    return float(each[0] * each[1])


def rows_of(p: np.ndarray, q: np.ndarray) -> float:
    return float(len(p))


COMPARISONS: dict[str, Compare] = {
    f.__name__: f for f in (cca, svcca, pwcca, cka, procrustes, cca_chance, cka_chance)
}
BEHIND_CHANCE: dict[str, Compare] = {f.__name__: f for f in (wider_rank, spread, rows_of)}


def compare(rows: Rows, name: str) -> np.ndarray:
    """One comparison of every pair; NaN where a source does not vary."""
    out = np.full(len(rows.pairs), np.nan)
    for i, (p, q) in enumerate(rows.pairs):
        a, b = (rows.x(m) - rows.x(m).mean(axis=0) for m in (p, q))
        if len(a) > 1 and a.any() and b.any():
            out[i] = (COMPARISONS | BEHIND_CHANCE)[name](a, b)
    return out


def all_comparisons(rows: Rows) -> np.ndarray:
    """The five comparisons; the larger rank, the spread and the rows that chance levels are of."""
    found = [compare(rows, name) for name in [*list(COMPARISONS)[:5], *BEHIND_CHANCE]]
    return np.stack(found, axis=-1)
