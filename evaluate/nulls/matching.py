"""Latents of two crosscoders of the same sources, matched by the cosine of their decoder rows."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

LOOSE, STRICT = 0.7, 0.9
"""Cosines above which a latent counts as found again."""
CHUNK = 2048
"""Latents whose cosines with all others are held in memory at a time."""
LARGEST = 4096
"""Latents of a group of candidates up to which the assignment is exact; above, it is greedy."""


@dataclass(frozen=True)
class Matches:
    """What became of each latent of the first crosscoder in the second."""

    best: np.ndarray
    """float64 [n]: largest cosine with any latent of the second; −1 where there is none."""
    partner: np.ndarray
    """int64 [n]: its partner one to one, −1 where it has none."""
    cosine: np.ndarray
    """float64 [n]: the cosine with the partner; NaN where it has none."""


def match(left: np.ndarray, right: np.ndarray, *, least: float = LOOSE) -> Matches:
    """Match rows one to one so that the sum of the cosines above `least` is the largest.

    Only pairs above `least` are candidates; they fall into groups that share no latent, and each
    group is solved by itself (Hungarian method), which is exact and keeps memory at `CHUNK` rows.

    Args:
        left: [n, width].
        right: [m, width].
        least: smallest cosine of a pair.
    """
    a, b = _unit(left), _unit(right)
    best = np.full(len(a), np.nan)
    rows, columns, values = [], [], []
    for start in range(0, len(a) if len(b) else 0, CHUNK):
        cosines = a[start : start + CHUNK] @ b.T
        best[start : start + CHUNK] = cosines.max(axis=1)
        i, j = np.nonzero(cosines >= least)
        rows.append(i + start)
        columns.append(j)
        values.append(cosines[i, j])
    partner = np.full(len(a), -1)
    cosine = np.full(len(a), np.nan)
    if rows:
        edges = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        for one, other, value in _assigned(coo_array(edges, shape=(len(a), len(b)))):
            partner[one], cosine[one] = other, value
    return Matches(best, partner, cosine)


def turned(rows: np.ndarray, widths: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Rows turned by a random rotation in each source: their own geometry, and nothing in common.

    Args:
        rows: [n, sum of widths], sources one behind the other.
        widths: of each source.
        rng: drawn from.
    """
    parts = np.split(rows, np.cumsum(widths)[:-1], axis=1)
    return np.concatenate([part @ _rotation(part.shape[1], rng) for part in parts], axis=1)


def _rotation(width: int, rng: np.random.Generator) -> np.ndarray:
    """An orthogonal matrix drawn evenly (QR of normal numbers, signs set: Mezzadri 2007)."""
    q, r = np.linalg.qr(rng.normal(size=(width, width)))
    return np.asarray(q * np.sign(np.diagonal(r)))


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0))


def _assigned(edges: "coo_array") -> list[tuple[int, int, float]]:
    """(left, right, cosine) of the matched pairs."""
    found: list[tuple[int, int, float]] = []
    for group in _groups(edges):
        i, j, values = edges.row[group], edges.col[group], edges.data[group]
        few = max(len(np.unique(i)), len(np.unique(j))) <= LARGEST
        found += (_hungarian if few else _greedy)(i, j, values)
    return found


def _groups(edges: "coo_array") -> list[np.ndarray]:
    """Indices of the edges of each connected group."""
    n, m = edges.shape
    graph = csr_array((np.ones(edges.nnz), (edges.row, edges.col + n)), shape=(n + m, n + m))
    label = connected_components(graph, directed=False)[1][edges.row]
    order = np.argsort(label, kind="stable")
    cuts = np.flatnonzero(np.diff(label[order])) + 1
    return [group for group in np.split(order, cuts) if len(group)]


def _hungarian(i: np.ndarray, j: np.ndarray, values: np.ndarray) -> list[tuple[int, int, float]]:
    left, at_left = np.unique(i, return_inverse=True)
    right, at_right = np.unique(j, return_inverse=True)
    dense = np.zeros((len(left), len(right)))
    dense[at_left, at_right] = values
    rows, columns = linear_sum_assignment(dense, maximize=True)
    pairs = zip(rows, columns, strict=True)
    return [(int(left[r]), int(right[c]), float(dense[r, c])) for r, c in pairs if dense[r, c] > 0]


def _greedy(i: np.ndarray, j: np.ndarray, values: np.ndarray) -> list[tuple[int, int, float]]:
    """The largest cosine first."""
    taken: tuple[set[int], set[int]] = (set(), set())
    found = []
    for e in np.argsort(-values, kind="stable"):
        if int(i[e]) not in taken[0] and int(j[e]) not in taken[1]:
            found.append((int(i[e]), int(j[e]), float(values[e])))
            taken[0].add(int(i[e]))
            taken[1].add(int(j[e]))
    return found
