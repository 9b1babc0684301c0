"""A planted dictionary and the rows made of it: what the formulas of planted_truth.py are about.

Nothing of xc is imported.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

ROLES = ("neither", "user", "assistant", "template")
TEMPLATE = 3
EXCLUSIVE, WITHIN = 0.1, 0.1
"""Minder's cuts of delta_norm: from 0 or 1, and from ½."""
NAN = float("nan")
Values = dict[str, float]
Columns = dict[str, np.ndarray]
Pair = tuple[int, int, Callable[[str], str]]
"""Two sources, and how names are made for them."""
CLASSES = {"shared": "shared", "p": "{p}_only", "q": "{q}_only", "other": "other"}


@dataclass(frozen=True)
class Planted:
    """A planted dictionary and held-out rows, as normalised; axes as everywhere."""

    f: np.ndarray
    """Codes [row, latent]."""
    W: tuple[np.ndarray, ...]
    """Directions [latent, d_model]."""
    encoders: tuple[np.ndarray, ...]
    """[latent, d_model]."""
    b: tuple[np.ndarray, ...]
    """Offsets [d_model]."""
    x: tuple[np.ndarray, ...]
    """Rows [row, d_model]: codes times directions, offset and noise."""
    scale: tuple[float, ...]
    """By which rows and directions were multiplied."""
    centre: tuple[np.ndarray, ...]
    """Mean of all rows, trained on or held out [d_model]."""
    sequence: np.ndarray
    """int [row]."""
    role: np.ndarray
    """int [row], into `ROLES`."""

    @property
    def letters(self) -> str:
        return "abc"[: len(self.W)]

    @property
    def pairs(self) -> Iterator[Pair]:
        for i, j in combinations(range(len(self.W)), 2):
            p, q = self.letters[i], self.letters[j]
            end = "" if len(self.W) == 2 else f"_{p}_{q}"
            yield i, j, lambda base, p=p, q=q, end=end: base.format(p=p, q=q) + end  # type: ignore[misc]

    @cached_property
    def alive(self) -> np.ndarray:
        return (self.f > 0).any(axis=0)

    @cached_property
    def norms(self) -> np.ndarray:
        return np.stack([np.linalg.norm(w, axis=1) for w in self.W], axis=1)

    @cached_property
    def per_dimension(self) -> np.ndarray:
        return self.norms / np.sqrt([w.shape[1] for w in self.W])

    @cached_property
    def xhat(self) -> list[np.ndarray]:
        return [self.f @ w + b for w, b in zip(self.W, self.b, strict=True)]

    @cached_property
    def error(self) -> list[np.ndarray]:
        return [x - xhat for x, xhat in zip(self.x, self.xhat, strict=True)]

    @cached_property
    def delta(self) -> dict[tuple[int, int], np.ndarray]:
        return {(i, j): delta_norm(*self.norms[:, [i, j]].T) for i, j, _ in self.pairs}

    @cached_property
    def classes(self) -> dict[tuple[int, int], np.ndarray]:
        return {at: self.classified(delta) for at, delta in self.delta.items()}

    def classified(self, delta: np.ndarray) -> np.ndarray:
        """p, q, shared, other or dead [latent]."""
        cuts = [~self.alive, delta < EXCLUSIVE, delta > 1 - EXCLUSIVE, abs(delta - 0.5) < WITHIN]
        return np.select(cuts, ["dead", "p", "q", "shared"], "other")


def delta_norm(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """½((q − p)/max + 1)."""
    with np.errstate(invalid="ignore"):
        return 0.5 * ((q - p) / np.maximum(p, q) + 1)


def row_cosines(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    if u.shape != v.shape:
        return np.full(len(u), NAN)
    with np.errstate(invalid="ignore"):
        return (u * v).sum(axis=1) / (np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1))


def median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else NAN
