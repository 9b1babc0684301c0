"""A population of three sources, as `simulated` has them of two: of twice as many latents, since
there are about twice as many classes."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from simulated import WIDTH, Settled
from worlds import make_world

SOURCES = 3
KINDS = (
    *[(0, 1, 2)] * 7,
    *[(0,)] * 2, *[(1,)] * 2, *[(2,)] * 2,
    (0, 1), (0, 2), (1, 2),
    *[()] * 4,
)  # fmt: skip
"""In which sources a latent is, of twenty; in none: to some extent in each."""


@dataclass(frozen=True)
class ThreeSettled(Settled):
    """Dense, as `Settled`: what is said of a latent alone does not go in steps."""

    @property
    def partition(self) -> tuple[dict[str, Any], ...]:
        """Groups of latents."""
        every = list(range(SOURCES))
        return tuple({**group, "sources": every} for group in super().partition)

    @classmethod
    def make(
        cls,
        d_sae: int = 640,
        seed: int = 15,
        *,
        rare: int = 400,
        often: float = 1.0,
        even: float = 20.0,
    ) -> "ThreeSettled":
        """Decoders of all classes of each pair, cosines and norms spread; a source that lacks a
        latent has what it stands for in part. `often`: how many times oftener all fire."""
        rng = np.random.default_rng(seed)
        world = make_world(1, d_sae, widths=(WIDTH,) * SOURCES, zero_rows=False, seed=seed)
        rows, lent = _rows(d_sae, rng)
        seen = rng.uniform(0.8, 1.2, (SOURCES, d_sae, 1))
        truth = tuple(s * w + more for s, w, more in zip(seen, rows, lent, strict=True))
        rate, topical = rng.uniform(0.02, 0.12, d_sae), np.ones(d_sae)
        few = rng.permutation(d_sae)[:rare]
        rate[few], topical[few] = 0.25, np.geomspace(0.001, 0.02, rare)
        liking = np.exp(rng.normal(0.7, 0.6, d_sae))
        w = tuple(own.astype(np.float32) for own in rows)
        encoders = tuple((v + rng.normal(scale=0.5, size=v.shape)).T for v in w)
        world = replace(world, W=w, encoders=encoders)
        return cls(world, often * rate, truth, topical, liking, even)


def _rows(d_sae: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Decoder rows, and what of those of a latent's first source the others have beside, both
    [source, latent, d_model]."""
    base = rng.normal(size=(d_sae, WIDTH))
    own = rng.normal(size=(SOURCES, d_sae, WIDTH))
    own -= base * (np.vecdot(base, own) / np.vecdot(base, base))[:, :, None]
    own *= (np.linalg.norm(base, axis=1) / np.linalg.norm(own, axis=2))[:, :, None]
    cosine = rng.uniform(0.55, 1.0, (SOURCES, d_sae, 1))
    rows = cosine * base + np.sqrt(1 - cosine**2) * own
    lent = np.zeros_like(rows)
    for j, kind in enumerate(rng.permutation(np.arange(d_sae) % len(KINDS))):
        there = KINDS[kind]
        for m in range(SOURCES):
            low, high = (0.25, 1.0) if not there else (0.85, 1.0) if m in there else (0.03, 0.16)
            rows[m, j] *= rng.uniform(low, high)
        for m in set(range(SOURCES)) - set(there or range(SOURCES)):
            lent[m, j] = max(rng.uniform(-0.35, 1.05), 0) * rows[there[0], j]
    return rows, lent
