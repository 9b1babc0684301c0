"""First and second moments of the sources' activations, and how alike two sources are by them.

Nothing but sums of [d_p, d_q] is kept, so rows of any number pass; a pair of sources of width d
costs three products of O(rows·d²) and, where sums are held, 2·8·d² bytes (9 MB at d 768).

With Σ_pq = Σ_rows (x_p − μ_p)ᵀ(x_q − μ_q), and W_p the directions in which x_p varies, scaled so
that W_pᵀ Σ_pp W_p = 1, the canonical correlations ρ are the singular values of W_pᵀ Σ_pq W_q.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

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

_ROUND = 64
"""What the width of a product is a multiple of."""

_SLACK = 8
"""Rounding errors above ε that a sum of squares may gather, per dimension."""


def moment_sums(block: RowBlock) -> Sums:
    """Rows, Σ x and Σ xᵀx around the block's centre, x the rows of all sources side by side, and
    Σ‖x_p − x_q‖² of each pair; {} for one source."""
    n = block.decoder.n_sources
    if n < 2:
        return {}
    apart = {
        f"apart_{p}_{q}": _apart(block.x[p], block.x[q]) for p in range(n) for q in range(p + 1, n)
    }
    side_by_side = _side_by_side(block)
    return {
        "rows": np.array(float(block.n_rows)),
        "first": np.concatenate(block.shift),
        "products": _packed(side_by_side.T @ side_by_side, sum(block.decoder.widths)),
        **apart,
    }


def _side_by_side(block: RowBlock) -> np.ndarray:
    """x − centre of all sources, float64 [row, Σ d_model], filled up with zeros to a round width.

    Of a round width, the product of a matrix with itself is the same to the last bit however many
    threads BLAS runs; products of two matrices, and those of other widths, are not (OpenBLAS).
    """
    widths = block.decoder.widths
    out = np.zeros((block.n_rows, -(-sum(widths) // _ROUND) * _ROUND))
    start = 0
    for x, centre, width in zip(block.x, block.centre, widths, strict=True):
        np.subtract(x, centre, out=out[:, start : start + width], dtype=np.float64)
        start += width
    return out


def _packed(symmetric: np.ndarray, width: int) -> np.ndarray:
    """What is on and above the diagonal, row by row: float64 [width·(width + 1)/2]."""
    return np.concatenate([symmetric[i, i:width] for i in range(width)])


def _unpacked(packed: np.ndarray, width: int) -> np.ndarray:
    """The symmetric matrix again."""
    out = np.empty((width, width))
    stop = 0
    for i in range(width):
        start, stop = stop, stop + width - i
        out[i, i:] = out[i:, i] = packed[start:stop]
    return out


def _apart(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Zero only where all rows are equal; 1 for widths that differ."""
    if p.shape[1] != q.shape[1]:
        return np.array(1.0)
    difference = np.subtract(p, q, dtype=np.float64)
    return np.asarray(np.square(difference, out=difference).sum())


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


def all_numbers(
    sums: Mapping[str, np.ndarray], pairs: Sequence[tuple[int, int]], widths: Sequence[int]
) -> np.ndarray:
    """`NUMBERS` of every pair, float64 [pair, number]; NaN where a source does not vary.

    Two sources that are equal row by row are alike exactly, not up to rounding.

    Args:
        sums: of `moment_sums`.
        pairs: of sources.
        widths: d_model of every source.
    """
    if not pairs:
        return np.zeros((0, len(NUMBERS)))
    products = _unpacked(sums["products"], sum(widths))
    before = np.diagonal(products).copy()
    products -= np.outer(sums["first"], sums["first"] / max(float(sums["rows"]), 1.0))
    ends = np.cumsum([0, *widths])
    at = [slice(a, b) for a, b in pairwise(ends.tolist())]
    sides = [_side(products[own, own], float(before[own].sum())) for own in at]
    found = [
        _pair_numbers(sums, (sides[p], sides[q]), products[at[p], at[q]], f"apart_{p}_{q}")
        for p, q in pairs
    ]
    return np.array(found)


def _pair_numbers(
    sums: Mapping[str, np.ndarray], sides: tuple[Side, Side], crossed: np.ndarray, apart: str
) -> np.ndarray:
    first, second = sides
    rows = float(sums["rows"])
    if min(first.rank, second.rank) == 0:
        return np.full(len(NUMBERS), np.nan)
    chance = (
        max(first.rank, second.rank) / (rows - 1),
        first.trace * second.trace / ((rows - 1) * _norm(first.square) * _norm(second.square)),
    )
    alike = (1.0,) * 5 if sums[apart] == 0 else _alike(crossed, first, second)
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
    variates = (first, left), (second, _orthonormal(white.T @ left))
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


def _orthonormal(matrix: np.ndarray) -> np.ndarray:
    """Orthogonal columns (no more than rows) at length 1; for zero ones, others that are orthogonal
    to the rest: a variate whose ρ is 0 carries something too, and weighs in the mean."""
    length = np.linalg.norm(matrix, axis=0)
    zero = length == 0
    unit = matrix / np.where(zero, 1.0, length)
    if zero.any():
        found = int(np.count_nonzero(~zero))
        basis = np.linalg.qr(unit[:, ~zero], mode="complete")[0]
        unit[:, zero] = basis[:, found : found + np.count_nonzero(zero)]
    return np.asarray(unit)


def _weighted(side: Side, variates: np.ndarray, found: np.ndarray) -> float:
    """Σ α ρ / Σ α, α of a variate h = x W u the sum of |⟨h, x_j⟩| over the source's dimensions."""
    inner = variates.T @ side.whitening.T @ side.square
    return float(np.average(found, weights=np.abs(inner).sum(axis=1)))


def _side(square: np.ndarray, before: float) -> Side:
    """How a source varies.

    Args:
        square: Σ_pp.
        before: its trace before the mean was taken out: what cancelled there is gone.
    """
    values, vectors = np.linalg.eigh(square)
    values, vectors = values[::-1], vectors[:, ::-1]
    floor = _SLACK * max(len(values), _SLACK) * np.finfo(np.float64).eps * before
    rank = int(np.count_nonzero(values > max(floor, np.finfo(np.float64).tiny)))
    kept = values[:rank]
    return Side(square, kept, vectors[:, :rank] / np.sqrt(kept))


def _norm(matrix: np.ndarray) -> float:
    return float(np.linalg.norm(matrix))
