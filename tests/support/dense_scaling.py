"""Dense oracles of latent scaling: least-squares fits, one latent at a time."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from dense_world import DenseWorld


@dataclass(frozen=True)
class DenseScaling(DenseWorld):
    """β, ν and what they improve."""

    def target(self, kind: str, m: int, j: int) -> np.ndarray:
        """y of latent scaling, [row, d_model]."""
        own = np.outer(self.f[:, j], self.d(m)[j])
        targets = {
            "error": self.e(m) + own,
            "reconstruction": self.xhat(m),
            "activation": self.x(m),
            "activation_no_bias": self.x(m) - self.b(m),
        }
        return targets[kind]

    def beta(self, kind: str, j: int, m: int, t: int) -> float:
        """One least-squares fit of y on the rank-one regressor f·d, flattened."""
        regressor = np.outer(self.f[:, j], self.d(t)[j])
        if self.d(m).shape[1] != self.d(t).shape[1] or not regressor.any():
            return float("nan")
        y = self.target(kind, m, j)
        return float(np.linalg.lstsq(regressor.reshape(-1, 1), y.ravel(), rcond=None)[0][0])

    def alone(self, t: int) -> bool:
        widths = [w.shape[1] for w in self.world.W]
        return widths.count(widths[t]) < 2

    def betas(self, kind: str) -> np.ndarray:
        return _betas(self, kind)

    def nus(self, kind: str) -> np.ndarray:
        b = self.betas(kind)
        with np.errstate(all="ignore"):
            sides = [
                np.stack([b[:, p, q] / b[:, q, q], b[:, q, p] / b[:, p, p]], axis=1)
                for p, q in self.pairs
            ]
        nus = np.stack(sides, axis=1)
        return np.where(np.isfinite(nus), nus, np.nan)

    def improvements(self, kind: str) -> np.ndarray:
        betas = self.betas(kind)
        out = np.full_like(betas, np.nan)
        for j, m, t in np.argwhere(~np.isnan(betas)):
            y = self.target(kind, m, j)
            after = y - betas[j, m, t] * np.outer(self.f[:, j], self.d(t)[j])
            if (y**2).sum() > 0:
                out[j, m, t] = 1 - (after**2).sum() / (y**2).sum()
        return out

    def own(self, kind: str) -> np.ndarray:
        d_sae = self.f.shape[1]
        return np.array([[self.beta(kind, j, m, m) for m in range(self.n)] for j in range(d_sae)])


@cache
def _betas(dense: DenseScaling, kind: str) -> np.ndarray:
    """Every fit, [latent, source, direction]; kept, for many oracles need them."""
    d_sae, sources = dense.f.shape[1], range(dense.n)
    cells = [
        [
            [np.nan if dense.alone(t) else dense.beta(kind, j, m, t) for t in sources]
            for m in sources
        ]
        for j in range(d_sae)
    ]
    return np.array(cells).reshape(d_sae, dense.n, dense.n)
