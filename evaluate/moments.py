"""First and second moments of the sources' activations, and how alike two sources are by them.

Nothing but sums of [d_p, d_q] is kept, so rows of any number pass; a pair of sources of width d
costs three products of O(rows·d²) and, where sums are held, 2·8·d² bytes (9 MB at d 768).

With Σ_pq = Σ_rows (x_p − μ_p)ᵀ(x_q − μ_q), and W_p the directions in which x_p varies, scaled so
that W_pᵀ Σ_pp W_p = 1, the canonical correlations ρ are the singular values of W_pᵀ Σ_pq W_q.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Sums
from xc.evaluate.row_block import RowBlock

MOMENTS = "activation_similarity"
"""The metric that holds the sums."""

NUMBERS = ("cca", "svcca", "pwcca", "cka", "procrustes", "cca_chance", "cka_chance")
"""What `all_numbers` gives of a pair, in this order."""

VARIANCE_KEPT = 0.99
"""Share of a source's variance that SVCCA looks at."""

_SLACK = 8
"""Rounding errors above ε that a sum of squares may gather, per dimension."""


def moment_sums(block: RowBlock) -> Sums:
    """Rows, Σ x_p, Σ x_pᵀ x_q around the block's centre, and Σ‖x_p − x_q‖²; {} for one source."""
    n = block.decoder.n_sources
    if n < 2:
        return {}
    x = block.centred
    out: dict[str, np.ndarray] = {"rows": np.array(float(block.n_rows))}
    for p in range(n):
        out[f"first_{p}"] = block.shift[p]
        out[f"square_{p}"] = (x[p].T @ x[p])[_upper(x[p].shape[1])]
        for q in range(p + 1, n):
            out[f"second_{p}_{q}"] = x[p].T @ x[q]
            out[f"apart_{p}_{q}"] = _apart(block.x[p], block.x[q])
    return out


@cache
def _upper(width: int) -> tuple[np.ndarray, np.ndarray]:
    """Places on and above the diagonal: of a symmetric matrix, no others are kept."""
    return np.triu_indices(width)


def _apart(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Zero only where all rows are equal; 1 for widths that differ."""
    if p.shape[1] != q.shape[1]:
        return np.array(1.0)
    return np.asarray(np.square(p - q, dtype=np.float64).sum())


@dataclass(frozen=True)
class Side:
    """One source: how it varies."""

    square: np.ndarray
    """Σ_pp, float64 [d, d]."""
    variances: np.ndarray
    """float64 [rank], downwards."""
    whitening: np.ndarray
    """W, float64 [d, rank]."""

    @property
    def rank(self) -> int:
        """Directions in which it varies."""
        return len(self.variances)

    @property
    def trace(self) -> float:
        """Σ‖x − μ‖²."""
        return float(np.trace(self.square))

    @property
    def main(self) -> int:
        """Leading directions that hold 99 % of the variance."""
        share = np.cumsum(self.variances) / self.variances.sum()
        return min(int(np.searchsorted(share, VARIANCE_KEPT)) + 1, self.rank)


def all_numbers(sums: Mapping[str, np.ndarray], pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """`NUMBERS` of every pair, float64 [pair, number]; NaN where a source does not vary.

    Two sources that are equal row by row are alike exactly, not up to rounding.
    """
    sides = {p: _side(sums, p) for p in sorted({p for pair in pairs for p in pair})}
    found = [_pair_numbers(sums, sides, p, q) for p, q in pairs]
    return np.array(found).reshape(len(pairs), len(NUMBERS))


def _pair_numbers(
    sums: Mapping[str, np.ndarray], sides: Mapping[int, Side], p: int, q: int
) -> np.ndarray:
    rows = float(sums["rows"])
    first, second = sides[p], sides[q]
    if min(first.rank, second.rank) == 0:
        return np.full(len(NUMBERS), np.nan)
    chance = (
        max(first.rank, second.rank) / (rows - 1),
        first.trace * second.trace / ((rows - 1) * _norm(first.square) * _norm(second.square)),
    )
    alike = (
        (1.0,) * 5 if sums[f"apart_{p}_{q}"] == 0 else _alike(_second(sums, p, q), first, second)
    )
    return np.asarray(np.clip([*alike, *chance], 0.0, 1.0))


def of_pairs(facts: Facts, number: str) -> np.ndarray:
    """One of `NUMBERS`, float64 [pair], once `MOMENTS` is measured."""
    found: np.ndarray = facts.values[MOMENTS][:, NUMBERS.index(number)]
    return found


def _alike(crossed: np.ndarray, first: Side, second: Side) -> tuple[float, ...]:
    white = first.whitening.T @ crossed @ second.whitening
    if first.rank > second.rank:
        first, second, white = second, first, white.T
    squares, left = np.linalg.eigh(white @ white.T)
    found = np.sqrt(np.clip(squares, 0.0, 1.0))
    variates = (first, left), (second, _unit_columns(white.T @ left))
    main = white[: first.main, : second.main]
    nuclear = np.linalg.svd(crossed, compute_uv=False).sum()
    return (
        float(np.square(found).mean()),
        _mean_singular(main),
        float(np.mean([_weighted(side, u, found) for side, u in variates])),
        _norm(crossed) ** 2 / (_norm(first.square) * _norm(second.square)),
        float(nuclear) / np.sqrt(first.trace * second.trace),
    )


def _mean_singular(matrix: np.ndarray) -> float:
    """By the eigenvalues of the smaller Gram matrix; values below 1e-8 may be rounding."""
    narrow = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    squares = np.linalg.eigvalsh(narrow @ narrow.T)
    return float(np.sqrt(np.clip(squares, 0.0, 1.0)).mean())


def _unit_columns(matrix: np.ndarray) -> np.ndarray:
    """Columns of length 1; zero ones stay zero."""
    length = np.linalg.norm(matrix, axis=0)
    return np.asarray(matrix / np.where(length > 0, length, 1.0))


def _weighted(side: Side, variates: np.ndarray, found: np.ndarray) -> float:
    """Σ α ρ / Σ α, α of a variate h = x W u the sum of |⟨h, x_j⟩| over the source's dimensions."""
    inner = variates.T @ side.whitening.T @ side.square
    return float(np.average(found, weights=np.abs(inner).sum(axis=1)))


def _side(sums: Mapping[str, np.ndarray], p: int) -> Side:
    square, before = _square(sums, p)
    values, vectors = np.linalg.eigh(square)
    values, vectors = values[::-1], vectors[:, ::-1]
    # What cancelled in the subtraction of the mean is gone: the floor is of the sums before it.
    floor = _SLACK * max(len(values), _SLACK) * np.finfo(np.float64).eps * before
    rank = int(np.count_nonzero(values > max(floor, np.finfo(np.float64).tiny)))
    kept = values[:rank]
    return Side(square, kept, vectors[:, :rank] / np.sqrt(kept))


def _square(sums: Mapping[str, np.ndarray], p: int) -> tuple[np.ndarray, float]:
    """Σ_pp around the mean, and the trace of what it was before the mean was taken out."""
    width = len(sums[f"first_{p}"])
    whole = np.zeros((width, width))
    whole[_upper(width)] = sums[f"square_{p}"]
    before = float(np.trace(whole))
    whole -= _outer(sums, p, p)
    lower = np.tril_indices(width, -1)
    whole[lower] = whole.T[lower]
    return whole, before


def _outer(sums: Mapping[str, np.ndarray], p: int, q: int) -> np.ndarray:
    """What a product gains by means that are not zero."""
    rows = max(float(sums["rows"]), 1.0)
    return np.asarray(np.outer(sums[f"first_{p}"], sums[f"first_{q}"]) / rows)


def _second(sums: Mapping[str, np.ndarray], p: int, q: int) -> np.ndarray:
    """Σ_pq around the means."""
    return np.asarray(sums[f"second_{p}_{q}"] - _outer(sums, p, q))


def _norm(matrix: np.ndarray) -> float:
    return float(np.linalg.norm(matrix))
