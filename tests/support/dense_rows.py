"""Dense oracles over rows: reconstruction, and how the latents fire."""

from dataclasses import dataclass

import numpy as np
from dense_world import DenseWorld


@dataclass(frozen=True)
class DenseRows(DenseWorld):
    """Sums over rows, written out."""

    def variance(self, m: int) -> float:
        return float(((self.x(m) - self.x(m).mean(axis=0)) ** 2).sum())

    def error(self, m: int) -> float:
        return float((self.e(m) ** 2).sum())

    def per_row(self, percent: int) -> int:
        counts = sorted((self.f > 0).sum(axis=1))
        return int(counts[-(-percent * len(counts) // 100) - 1])

    def quantile(self, percent: int) -> np.ndarray:
        """Per latent, of activations moved to the middle of their sixteenth of an octave."""
        mantissa, exponent = np.frexp(self.f)
        middle = np.ldexp((np.floor(mantissa * 32) + 0.5) / 32, exponent)
        columns = [np.sort(c[f > 0]) for c, f in zip(middle.T, self.f.T, strict=True)]
        return np.array([c[-(-percent * len(c) // 100) - 1] if len(c) else np.nan for c in columns])

    def likeness(self, m: int) -> float:
        x, xhat = self.x(m), self.xhat(m)
        norms = np.linalg.norm(x, axis=1) * np.linalg.norm(xhat, axis=1)
        return float(((x * xhat).sum(axis=1)[norms > 0] / norms[norms > 0]).mean())

    def kissane(self, *sources: int) -> float:
        error = sum((self.e(m) ** 2).sum(axis=1) for m in sources)
        spread = sum(((self.x(m) - self.world.centre[m]) ** 2).sum(axis=1) for m in sources)
        return float((1 - error / spread).mean())

    def minder(self, *sources: int) -> float:
        if len(self.f) < 2:
            return float("nan")
        error = sum(self.e(m).var(axis=0, ddof=1).sum() for m in sources)
        return float(1 - error / sum(self.x(m).var(axis=0, ddof=1).sum() for m in sources))
