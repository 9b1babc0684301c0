"""Canonical correlation of two matrices with the same rows, with a rank tolerance.

`Agreement` compares two decoders over a set of latents by matrices of [d_model, d_model] alone, and
again with some of the latents left out without starting over: intervals ask for that.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpocon

from xc.evaluate.facts import Facts

_BLOCK = 4096
"""Rows that are held in float64 at a time."""
_SINGULAR = 1e-8
"""Condition of what is left below which a direction may be gone: then the rank is found anew."""


def basis(rows: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the column space after centring each column: float64 [n, rank]."""
    if len(rows) == 0:
        return np.zeros((0, 0))
    whitened = _Whitened.of(rows, np.arange(len(rows)))
    return whitened.rows(np.arange(len(rows)))


def mean_squared_correlation(p: np.ndarray, q: np.ndarray) -> float:
    """Mean squared canonical correlation of two bases; NaN if one is empty.

    Args:
        p: [n, rank of p], orthonormal columns.
        q: [n, rank of q], orthonormal columns.
    """
    return _mean(float(np.square(p.T @ q).sum()), (p.shape[1], q.shape[1]))


@dataclass(frozen=True)
class Agreement:
    """How far two decoders span the same space of functions on some latents."""

    squared: float
    """Mean squared canonical correlation; NaN if a rank is 0."""
    ranks: tuple[int, int]
    """Of the two centred matrices."""
    n: int
    """Latents."""

    @property
    def chance(self) -> float:
        """The mean of `squared` over all permutations of the latents of one decoder.

        Centred bases P, Q lie in the n − 1 dimensions orthogonal to the constant vector, on which
        permutations act irreducibly: E‖PᵀΠQ‖² = r_p·r_q/(n − 1).
        """
        return max(self.ranks) / (self.n - 1) if min(self.ranks) else float("nan")


def agreement(
    facts: Facts, latents: np.ndarray, p: int, q: int, *, kind: str = "alive"
) -> Agreement:
    """Agreement of two sources' decoders over the latents where `latents` (bool) is True.

    The first set of a kind that is asked for is worked out from the weights; its subsets follow
    from it. Decoders that are equal agree exactly, not up to rounding.
    """
    found = _agreement(facts, latents, (kind, p, q))
    equal = np.array_equal(facts.decoder.W[p], facts.decoder.W[q])
    return replace(found, squared=1.0) if equal and min(found.ranks) else found


def _agreement(facts: Facts, latents: np.ndarray, at: tuple[str, int, int]) -> Agreement:
    known, (_, p, q) = facts.decoder.derived, at
    base: _Pair | None = known.get((agreement, *at))
    if base is None or not base.covers(latents):
        base = _Pair.of(facts.decoder.W[p], facts.decoder.W[q], np.flatnonzero(latents))
        known[agreement, *at] = base
        known[Agreement, *at] = latents, base.agreement()
    last, found = known[Agreement, *at]
    if not np.array_equal(last, latents):
        found = base.without(base.members[~latents[base.members]])
        known[Agreement, *at] = latents, found
    answer: Agreement = found
    return answer


def alive_agreement(facts: Facts) -> list[Agreement]:
    """Agreement of every pair of sources over the latents that fire."""
    return [agreement(facts, facts.alive, p, q) for p, q in facts.pairs]


def _mean(squares: float, ranks: tuple[int, int]) -> float:
    smaller = min(ranks)
    return float(np.clip(squares / smaller, 0.0, 1.0)) if smaller else float("nan")


@dataclass(frozen=True, eq=False)
class _Whitened:
    """A matrix whose chosen rows, centred and mapped, have orthonormal columns."""

    weights: np.ndarray
    """[latent, d_model]."""
    mean: np.ndarray
    """float64 [d_model], over the chosen rows."""
    map: np.ndarray
    """float64 [d_model, rank]."""

    @classmethod
    def of(cls, weights: np.ndarray, members: np.ndarray) -> "_Whitened":
        """By a QR decomposition block by block, and the SVD of its triangle.

        Directions whose singular value is below max(n, d)·ε·σ_max count as absent, so that a
        rank-deficient matrix adds no arbitrary columns.
        """
        width = weights.shape[1]
        total = sum((block.sum(axis=0) for block in _blocks(weights, members)), np.zeros(width))
        mean = total / max(len(members), 1)
        triangle = np.zeros((0, width))
        for block in _blocks(weights, members):
            stacked = np.concatenate([triangle, block - mean])
            triangle = np.asarray(np.linalg.qr(stacked, mode="r"))
        _, singular, right = np.linalg.svd(triangle, full_matrices=False)
        tolerance = max(len(members), width) * np.finfo(np.float64).eps * singular[:1]
        there = singular > np.maximum(tolerance, np.finfo(np.float64).tiny)
        return cls(weights, mean, (right[there] / singular[there, None]).T)

    @property
    def rank(self) -> int:
        return int(self.map.shape[1])

    def rows(self, members: np.ndarray) -> np.ndarray:
        """Some rows of the orthonormal basis, float64 [n, rank]."""
        found: np.ndarray = (self.weights[members].astype(np.float64) - self.mean) @ self.map
        return found


def _blocks(weights: np.ndarray, members: np.ndarray) -> Iterator[np.ndarray]:
    for i in range(0, len(members), _BLOCK):
        yield weights[members[i : i + _BLOCK]].astype(np.float64)


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two whitened decoders over the same latents, and what one basis holds of the other."""

    p: _Whitened
    q: _Whitened
    members: np.ndarray
    """int64, ascending: the latents."""
    cross: np.ndarray
    """PᵀQ, float64 [rank of p, rank of q]."""

    @classmethod
    def of(cls, p: np.ndarray, q: np.ndarray, members: np.ndarray) -> "_Pair":
        first, second = _Whitened.of(p, members), _Whitened.of(q, members)
        cross = np.zeros((first.rank, second.rank))
        for i in range(0, len(members), _BLOCK):
            part = members[i : i + _BLOCK]
            cross += first.rows(part).T @ second.rows(part)
        return cls(first, second, members, cross)

    @property
    def ranks(self) -> tuple[int, int]:
        return self.p.rank, self.q.rank

    def covers(self, latents: np.ndarray) -> bool:
        """Whether all these latents (bool) are among its own."""
        return bool(np.count_nonzero(latents[self.members]) == np.count_nonzero(latents))

    def agreement(self) -> Agreement:
        squared = _mean(float(np.square(self.cross).sum()), self.ranks)
        return Agreement(squared, self.ranks, len(self.members))

    def without(self, removed: np.ndarray) -> Agreement:
        """The agreement of the other latents, from these unless a rank may have dropped."""
        left = len(self.members) - len(removed)
        if left > max(self.ranks):
            few = len(removed) < min(self.ranks)
            squares = (self._without_few if few else self._without_many)(removed, left)
            if squares is not None:
                return Agreement(_mean(squares, self.ranks), self.ranks, left)
        rest = np.setdiff1d(self.members, removed)
        return _Pair.of(self.p.weights, self.q.weights, rest).agreement()

    def _without_few(self, removed: np.ndarray, left: int) -> float | None:
        """With A = [P_R; s/√n'], P_R the rows taken out, s their sum and n' the rows left, the Gram
        matrix of what is left, centred anew, is I − AᵀA, and its inverse I + Aᵀ(I − AAᵀ)⁻¹A."""
        parts = [_with_sum(side.rows(removed), left) for side in (self.p, self.q)]
        p, q = (_factor(np.eye(len(a)) - a @ a.T) for a in parts)
        if p is None or q is None:
            return None
        cross = self.cross - parts[0].T @ parts[1]
        first = cross + parts[0].T @ cho_solve(p, parts[0] @ cross)
        second = cross.T + parts[1].T @ cho_solve(q, parts[1] @ cross.T)
        return float(np.vdot(first, second.T))

    def _without_many(self, removed: np.ndarray, left: int) -> float | None:
        """The same by the matrices [rank, rank] themselves, block by block of rows."""
        cross = self.cross.copy()
        for i in range(0, len(removed), _BLOCK):
            part = removed[i : i + _BLOCK]
            cross -= self.p.rows(part).T @ self.q.rows(part)
        sums, grams = zip(*(_left(side, removed) for side in (self.p, self.q)), strict=True)
        cross -= np.outer(*sums) / left
        p, q = (_factor(g - np.outer(s, s) / left) for s, g in zip(sums, grams, strict=True))
        if p is None or q is None:
            return None
        return float(np.vdot(cho_solve(p, cross), cho_solve(q, cross.T).T))


Factor = tuple[np.ndarray, bool]


def _factor(gram: np.ndarray) -> Factor | None:
    """Cholesky factor; None where a direction may be gone."""
    try:
        factor: Factor = cho_factor(gram)
    except np.linalg.LinAlgError:
        return None
    share, _ = dpocon(factor[0], np.abs(gram).sum(axis=0).max())
    return factor if share > _SINGULAR else None


def _left(side: _Whitened, removed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the rows taken out, and the Gram matrix without them, not centred anew."""
    total, gram = np.zeros(side.rank), np.eye(side.rank)
    for i in range(0, len(removed), _BLOCK):
        rows = side.rows(removed[i : i + _BLOCK])
        total += rows.sum(axis=0)
        gram -= rows.T @ rows
    return total, gram


def _with_sum(rows: np.ndarray, left: int) -> np.ndarray:
    """Rows taken out, and their sum over the root of the number left."""
    return np.concatenate([rows, rows.sum(axis=0, keepdims=True) / np.sqrt(left)])
