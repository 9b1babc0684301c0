"""Which latents of A only are paired with which of B only, by the cosine of their directions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components

_BLOCK = 1024
"""Rows of a block of cosines: 8 MB for each thousand latents of the other side."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of two lists of latents."""

    a: np.ndarray
    """int32 [pair], a place in the first list."""
    b: np.ndarray
    """int32 [pair], a place in the second."""
    cosine: np.ndarray
    """float64 [pair]."""

    def __len__(self) -> int:
        return len(self.a)

    def take(self, chosen: np.ndarray) -> "Pairs":
        """Some pairs, in the order given."""
        return Pairs(self.a[chosen], self.b[chosen], self.cosine[chosen])


def similar(
    p: np.ndarray, q: np.ndarray, *, above: float, told: Callable[[int], None] = lambda rows: None
) -> Pairs:
    """All pairs of a row of p and a row of q whose cosine is above a threshold, by row of p.

    No more than a block of cosines is held at a time, and the pairs that are kept.

    Args:
        p: [n, d_model].
        q: [m, d_model].
        above: rows of zeros are in no pair, whatever it is.
        told: of the rows of p that are done.
    """
    other, parts = _unit(q).T, [_above(np.zeros((0, len(q))), above, 0)]
    for i in range(0, len(p), _BLOCK):
        rows = _unit(p[i : i + _BLOCK])
        parts.append(_above(rows @ other, above, i))
        told(len(rows))
    columns = zip(*parts, strict=True)
    return Pairs(*(np.concatenate(column) for column in columns))


def _above(
    cosines: np.ndarray, threshold: float, first: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, b = (index.astype(np.int32) for index in np.nonzero(cosines > threshold))
    return a + np.int32(first), b, np.minimum(cosines[a, b], 1.0)


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1, float64; NaN where a row is zero."""
    wide = rows.astype(np.float64)
    length = np.linalg.norm(wide, axis=1, keepdims=True)
    return np.asarray(np.divide(wide, length, out=np.full_like(wide, np.nan), where=length > 0))


def hungarian(candidates: Pairs) -> Pairs:
    """Those of the one-to-one choices whose cosines add up to most, the most similar pair first.

    Latents that no chain of candidates connects are assigned apart, so that the table of costs is
    that of the largest such group.

    Args:
        candidates: with cosines above zero.
    """
    if len(candidates) == 0:
        return candidates
    group = chains(candidates)
    order = np.argsort(group, kind="stable")
    borders = np.flatnonzero(np.diff(group[order])) + 1
    chosen = [_assigned(candidates, members) for members in np.split(order, borders)]
    return _best_first(candidates.take(np.concatenate(chosen)))


def chains(candidates: Pairs) -> np.ndarray:
    """A number for each pair, the same for pairs that share latents, directly or not."""
    if len(candidates) == 0:
        return np.zeros(0, dtype=np.int32)
    n, m = int(candidates.a.max()) + 1, int(candidates.b.max()) + 1
    there = np.ones(len(candidates), dtype=bool)
    graph = sp.coo_array((there, (candidates.a, candidates.b + n)), shape=(n + m, n + m))
    _, labels = connected_components(graph, directed=False)
    found: np.ndarray = labels[candidates.a]
    return found


def _assigned(candidates: Pairs, members: np.ndarray) -> np.ndarray:
    """Chosen ones of the pairs of one group."""
    if len(members) == 1:
        return members
    rows, a = np.unique(candidates.a[members], return_inverse=True)
    columns, b = np.unique(candidates.b[members], return_inverse=True)
    gain = np.zeros((len(rows), len(columns)))
    pair = np.full(gain.shape, -1, dtype=np.int64)
    gain[a, b], pair[a, b] = candidates.cosine[members], members
    found = pair[linear_sum_assignment(gain, maximize=True)]
    return np.asarray(found[found >= 0])


def greedy(candidates: Pairs) -> Pairs:
    """The most similar pair, then the most similar of what is left, and so on."""
    ordered = _best_first(candidates)
    taken_a, taken_b, chosen = set[int](), set[int](), []
    for i, (a, b) in enumerate(zip(ordered.a.tolist(), ordered.b.tolist(), strict=True)):
        if a not in taken_a and b not in taken_b:
            taken_a.add(a)
            taken_b.add(b)
            chosen.append(i)
    return ordered.take(np.array(chosen, dtype=np.int64))


def joined(first: Pairs, second: Pairs) -> Pairs:
    """Pairs of both, the most similar first."""
    columns = ((first.a, second.a), (first.b, second.b), (first.cosine, second.cosine))
    return _best_first(Pairs(*(np.concatenate(both) for both in columns)))


def _best_first(pairs: Pairs) -> Pairs:
    return pairs.take(np.lexsort((pairs.b, pairs.a, -pairs.cosine)))


def deranged(n: int, generator: np.random.Generator) -> np.ndarray:
    """A permutation of n ≥ 2 that moves every element, int64 [n]: one cycle through all."""
    cycle = generator.permutation(n)
    out = np.empty(n, dtype=np.int64)
    out[cycle] = np.roll(cycle, 1)
    return out
