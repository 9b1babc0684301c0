"""Dense oracles over all sources of a latent, and of the spaces that decoders span."""

from dataclasses import dataclass

import numpy as np
from dense_world import DenseWorld


@dataclass(frozen=True)
class DenseSpaces(DenseWorld):
    """Profiles over sources, and alignment by projections."""

    def per_dimension(self) -> np.ndarray:
        """Root mean squares over the latent's largest, [latent, source]; NaN for zero rows."""
        found = np.stack([np.sqrt((self.d(m) ** 2).mean(axis=1)) for m in range(self.n)], axis=1)
        with np.errstate(invalid="ignore"):
            return found / found.max(axis=1, keepdims=True)

    def first_source(self, share: float) -> np.ndarray:
        rows = self.per_dimension()
        return np.array(
            [np.nan if np.isnan(r).any() else np.flatnonzero(r >= share - 1e-12)[0] for r in rows]
        )

    def persistence(self) -> np.ndarray:
        rows = self.per_dimension()
        return np.where(np.isnan(rows[:, 0]), np.nan, (rows >= 0.5).sum(axis=1))

    def norm_entropy(self) -> np.ndarray:
        rows = self.per_dimension()
        shares = rows / rows.sum(axis=1, keepdims=True)
        with np.errstate(all="ignore"):
            parts = np.where(shares == 0, 0, -shares * np.log(shares))
        return parts.sum(axis=1) / np.log(self.n)

    def at(self, numbers: np.ndarray) -> list[int]:
        return [int((numbers[self.alive] == m).sum()) for m in range(self.n)]

    def alignment(self, p: int, q: int) -> float:
        """By the eigenvalues of the product of projections, on matrices cut to their rank."""
        rows = [self.centred(m) for m in (p, q)]
        ranks = self.ranks(p, q)
        if min(ranks) == 0:
            return float("nan")
        projections = [r @ np.linalg.pinv(r) for r in rows]
        return float(np.trace(projections[0] @ projections[1]) / min(ranks))

    def centred(self, m: int) -> np.ndarray:
        rows = self.d(m)[self.alive]
        return rows - rows.mean(axis=0) if len(rows) else rows

    def ranks(self, p: int, q: int) -> list[int]:
        rows = [self.centred(m) for m in (p, q)]
        return [int(np.linalg.matrix_rank(r)) if r.size else 0 for r in rows]

    def alignment_chance(self, p: int, q: int) -> float:
        ranks = self.ranks(p, q)
        return max(ranks) / (self.alive.sum() - 1) if min(ranks) else float("nan")

    def alignment_adjusted(self, p: int, q: int) -> float:
        chance = self.alignment_chance(p, q)
        return (self.alignment(p, q) - chance) / (1 - chance) if chance < 1 else float("nan")
