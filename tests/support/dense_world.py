"""A world in float64, and what all dense oracles read of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from worlds import World


@dataclass(frozen=True)
class DenseWorld:
    """The world in float64; written without the evaluator's code."""

    world: World

    @property
    def f(self) -> np.ndarray:
        return self.world.f.astype(np.float64)

    def x(self, m: int) -> np.ndarray:
        return self.world.x[m].astype(np.float64)

    def d(self, m: int) -> np.ndarray:
        return self.world.W[m].astype(np.float64)

    def b(self, m: int) -> np.ndarray:
        return self.world.b[m].astype(np.float64)

    def xhat(self, m: int) -> np.ndarray:
        return self.f @ self.d(m) + self.b(m)

    def e(self, m: int) -> np.ndarray:
        return self.x(m) - self.xhat(m)

    @property
    def n(self) -> int:
        return len(self.world.W)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return [(p, q) for p in range(self.n) for q in range(p + 1, self.n)]

    @property
    def alive(self) -> np.ndarray:
        return (self.world.f > 0).any(axis=0)

    def norms(self) -> np.ndarray:
        return np.stack([np.sqrt((self.d(m) ** 2).sum(axis=1)) for m in range(self.n)], axis=1)

    def by_pair(self, function: Callable[[int, int], np.ndarray]) -> np.ndarray:
        return np.stack([function(p, q) for p, q in self.pairs], axis=-1)
