"""First and second moments of the sources' activations, and how alike two sources are by them.

Nothing but sums of [d_p, d_q] is kept, so rows of any number pass; a pair of sources of width d
costs three products of O(rows·d²) and, where sums are held, 2·8·d² bytes (9 MB at d 768). Finishing
holds some eight matrices of [d, d] beside them.

With Σ_pq = Σ_rows (x_p − μ_p)ᵀ(x_q − μ_q), and W_p = V_p/√λ_p the directions in which x_p varies,
scaled so that W_pᵀ Σ_pp W_p = 1, the canonical correlations ρ are the singular values of
W_pᵀ Σ_pq W_q. Singular values are roots of eigenvalues of the smaller Gram matrix, a third of the
time; those below 1e-8 of the largest may be rounding.
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

ALIKE = ("cca", "svcca", "pwcca", "cka", "procrustes")
"""How alike two sources are, 0 to 1."""

NUMBERS = (*ALIKE, "wider_rank", "spread", "rows")
"""What `all_numbers` gives of a pair, in this order: behind the others the larger rank, by how many
directions the two spread (tr·tr / (‖Σ_p‖·‖Σ_q‖)), and over how many rows it was found."""

ROWS = "compared_rows"
"""The metric that tells the rows behind chance levels; without groups of rows it stays."""

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


def bytes_of_sums(widths: Sequence[int]) -> int:
    """What the sums of sources of these widths take."""
    return _places(sum(widths)) * np.dtype(np.float64).itemsize


def _places(width: int) -> int:
    return width * (width + 1) // 2


def _unpacked(packed: np.ndarray, width: int, rows: slice, columns: slice) -> np.ndarray:
    """Some rows of the symmetric matrix of this width, and the same or later columns."""
    out = np.empty((rows.stop - rows.start, columns.stop - columns.start))
    for i, row in enumerate(range(rows.start, rows.stop)):
        first = max(row, columns.start)
        diagonal = row * width - _places(row - 1)
        out[i, first - columns.start :] = packed[diagonal + first - row :][: columns.stop - first]
        if rows == columns:
            out[i:, i] = out[i, i:]
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

    variances: np.ndarray
    """λ, float64 [rank], downwards."""
    directions: np.ndarray
    """V, float64 [d, rank]."""
    trace: float
    """Σ‖x − μ‖²."""
    norm: float
    """Frobenius norm of Σ_pp."""

    @property
    def rank(self) -> int:
        """Directions in which it varies."""
        return len(self.variances)

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
    ends = np.cumsum([0, *widths])
    at = [slice(a, b) for a, b in pairwise(ends.tolist())]
    sides = [_side(sums, own, sum(widths)) for own in at]
    found = [
        _pair_numbers(sums, (sides[p], sides[q]), (at[p], at[q]), f"apart_{p}_{q}")
        for p, q in pairs
    ]
    return np.array(found)


def _centred(sums: Mapping[str, np.ndarray], products: np.ndarray, p: slice, q: slice) -> None:
    """Take the means out of products of p and q, in place."""
    first, rows = sums["first"], max(float(sums["rows"]), 1.0)
    for i, value in enumerate(first[p]):
        products[i] -= value * (first[q] / rows)


def _pair_numbers(
    sums: Mapping[str, np.ndarray], sides: tuple[Side, Side], at: tuple[slice, slice], apart: str
) -> np.ndarray:
    first, second = sides
    rows = float(sums["rows"])
    if min(first.rank, second.rank) == 0:
        return np.full(len(NUMBERS), np.nan)
    spread = first.trace * second.trace / (first.norm * second.norm)
    behind_chance = max(first.rank, second.rank), spread, rows
    if sums[apart] == 0:
        return np.array([*(1.0,) * len(ALIKE), *behind_chance])
    crossed = _unpacked(sums["products"], len(sums["first"]), *at)
    _centred(sums, crossed, *at)
    return np.array([*np.clip(_alike(crossed, first, second), 0.0, 1.0), *behind_chance])


def of_pairs(facts: Facts, number: str) -> np.ndarray:
    """One of `NUMBERS`, float64 [pair], once `MOMENTS` is measured."""
    found: np.ndarray = facts.values[MOMENTS][:, NUMBERS.index(number)]
    return found


def by_chance(facts: Facts, number: str) -> np.ndarray:
    """One of `NUMBERS` over the rows less one, at most 1, float64 [pair]; the rows are always all,
    though the number be of fewer: as many others would be as many."""
    chance: np.ndarray = of_pairs(facts, number) / (facts.values[ROWS][:, 0] - 1)
    return chance.clip(max=1.0)


def _alike(crossed: np.ndarray, first: Side, second: Side) -> tuple[float, ...]:
    if first.rank > second.rank:
        first, second, crossed = second, first, crossed.T
    squares, left = np.linalg.eigh(_gram(white := _white(crossed, first, second)))
    found = np.sqrt(np.clip(squares, 0.0, 1.0))
    variates = (first, left), (second, _orthonormal(white.T @ left))
    main = _singular(white[: first.main, : second.main])
    return (
        float(np.square(found).mean()),
        float(np.clip(main, 0.0, 1.0).mean()),
        float(np.mean([_weighted(side, u, found) for side, u in variates])),
        _norm(crossed) ** 2 / (first.norm * second.norm),
        float(_singular(crossed).sum()) / np.sqrt(first.trace * second.trace),
    )


def _white(crossed: np.ndarray, first: Side, second: Side) -> np.ndarray:
    """W_pᵀ Σ_pq W_q, float64 [rank_p, rank_q]."""
    turned: np.ndarray = first.directions.T @ crossed @ second.directions
    turned /= np.sqrt(first.variances)[:, None]
    turned /= np.sqrt(second.variances)
    return turned


def _gram(matrix: np.ndarray) -> np.ndarray:
    """The smaller of its two."""
    narrow = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    return np.asarray(narrow @ narrow.T)


def _singular(matrix: np.ndarray) -> np.ndarray:
    """Singular values, upwards."""
    return np.asarray(np.sqrt(np.clip(np.linalg.eigvalsh(_gram(matrix)), 0.0, None)))


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
    """Σ α ρ / Σ α, α of a variate h = x W u the sum of |⟨h, x_j⟩| over the source's dimensions;
    as Wᵀ Σ_pp = √λ Vᵀ, they are those of uᵀ √λ Vᵀ."""
    inner = (variates * np.sqrt(side.variances)[:, None]).T @ side.directions.T
    return float(np.average(found, weights=np.abs(inner, out=inner).sum(axis=1)))


def _side(sums: Mapping[str, np.ndarray], own: slice, width: int) -> Side:
    """How the source in these columns varies.

    What is below the rounding of the trace before the mean was taken out is gone: it cancelled.
    """
    square = _unpacked(sums["products"], width, own, own)
    before = float(np.trace(square))
    _centred(sums, square, own, own)
    trace, norm = float(np.trace(square)), _norm(square)
    values, vectors = np.linalg.eigh(square)
    values, vectors = values[::-1], vectors[:, ::-1]
    floor = _SLACK * max(len(values), _SLACK) * np.finfo(np.float64).eps * before
    rank = int(np.count_nonzero(values > max(floor, np.finfo(np.float64).tiny)))
    return Side(values[:rank], vectors[:, :rank], trace, norm)


def _norm(matrix: np.ndarray) -> float:
    return float(np.linalg.norm(matrix))
