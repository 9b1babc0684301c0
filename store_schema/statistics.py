"""Statistics of a source's activations: float64, per shard, merged in any grouping.

Each shard keeps its own count, sums of norms, mean and centred second moment; shards are merged by
the pairwise update of Chan, Golub and LeVeque (1979), which loses no digits to large means.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_HEAD = 3
_BLOCK = 4096
SCALARS = ("n", "mean_norm", "rms_norm")


@dataclass(frozen=True)
class Moments:
    """Sufficient statistics of a set of rows."""

    n: float
    """Rows counted."""
    norm_sum: float
    """Sum of Euclidean row norms."""
    square_sum: float
    """Sum of squared row norms."""
    mean: np.ndarray
    """float64 [d_model]."""
    m2: np.ndarray
    """Sum of squared deviations from the mean, float64 [d_model]."""

    def pack(self) -> np.ndarray:
        """One float64 vector [3 + 2·d_model], as stored per shard."""
        return np.concatenate([[self.n, self.norm_sum, self.square_sum], self.mean, self.m2])

    @classmethod
    def unpack(cls, vector: np.ndarray) -> "Moments":
        """Read back what `pack` wrote."""
        n, norm_sum, square_sum = (float(v) for v in vector[:_HEAD])
        mean, m2 = np.split(np.asarray(vector[_HEAD:], dtype=np.float64), 2)
        return cls(n, norm_sum, square_sum, mean, m2)

    def merge(self, other: "Moments") -> "Moments":
        """Statistics of both sets together."""
        n = self.n + other.n
        if n == 0:
            return self
        delta = other.mean - self.mean
        return Moments(
            n,
            self.norm_sum + other.norm_sum,
            self.square_sum + other.square_sum,
            self.mean + delta * (other.n / n),
            self.m2 + other.m2 + delta**2 * (self.n * other.n / n),
        )


@dataclass(frozen=True)
class SourceStatistics:
    """Statistics of one source over the rows that the default mask keeps."""

    n: int
    """Rows counted."""
    mean: np.ndarray
    """float64 [d_model]."""
    variance: np.ndarray
    """Population variance (divided by n), float64 [d_model]."""
    mean_norm: float
    """Mean Euclidean norm of a row."""
    rms_norm: float
    """Root of the mean squared norm of a row."""

    def scalars(self) -> dict[str, float]:
        """What the store's attributes hold of it; the vectors are arrays."""
        return {name: self.__dict__[name] for name in SCALARS}


def zero_moments(d_model: int) -> Moments:
    """Statistics of no rows."""
    return Moments(0.0, 0.0, 0.0, np.zeros(d_model), np.zeros(d_model))


def moments(rows: np.ndarray, keep: np.ndarray) -> Moments:
    """Statistics of the kept rows.

    Args:
        rows: stored values [n, d_model], any float type.
        keep: bool [n].
    """
    total = zero_moments(rows.shape[1])
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        total = total.merge(_block_moments(rows[part][keep[part]]))
    return total


def _block_moments(rows: np.ndarray) -> Moments:
    if len(rows) == 0:
        return zero_moments(rows.shape[1])
    x = rows.astype(np.float32, copy=False).astype(np.float64)
    squares = np.einsum("nd,nd->n", x, x)
    mean = x.mean(axis=0)
    x -= mean
    m2 = np.einsum("nd,nd->d", x, x)
    return Moments(float(len(x)), float(np.sqrt(squares).sum()), float(squares.sum()), mean, m2)


def merge_all(parts: Iterable[Moments], d_model: int) -> Moments:
    """Statistics of all parts together, merged in the order given."""
    total = zero_moments(d_model)
    for part in parts:
        total = total.merge(part)
    return total


def finish(total: Moments) -> SourceStatistics:
    """Turn sums into the values that people and trainers read."""
    n = max(total.n, 1.0)
    return SourceStatistics(
        n=int(total.n),
        mean=total.mean,
        variance=total.m2 / n,
        mean_norm=total.norm_sum / n,
        rms_norm=float(np.sqrt(total.square_sum / n)),
    )
