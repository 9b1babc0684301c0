"""A population of two sources of unequal width, as `simulated` has them of equal ones."""

from dataclasses import dataclass, replace

import numpy as np
from simulated import Settled
from worlds import make_world

WIDTHS = (8, 20)
KINDS = ("alike",) * 2 + ("level",) * 2 + ("a",) * 2 + ("b",) * 2 + ("neither",) * 2
"""Of ten latents: alike per dimension; of nearly one norm; of one source; else."""
RATIOS = {
    "alike": (0.85, 1.0), "level": (0.5, 0.8), "a": (0.03, 0.3), "b": (0.03, 0.3),
    "neither": (0.25, 0.75),
}  # fmt: skip
"""Smaller over larger length per dimension. Divided by √d_model or not, norms cut these ranges at
other places."""


@dataclass(frozen=True)
class Unequal(Settled):
    """Dense, as `Settled`. Lengths go with √d_model, as after `mean_norm`."""

    @classmethod
    def make(
        cls,
        d_sae: int = 320,
        seed: int = 16,
        *,
        rare: int = 200,
        often: float = 1.0,
        even: float = 20.0,
    ) -> "Unequal":
        """Decoders of all classes by both ways of counting; a source that lacks a latent has what
        it stands for in part. `often`: how many times oftener all fire."""
        rng = np.random.default_rng(seed)
        world = make_world(1, d_sae, widths=WIDTHS, zero_rows=False, seed=seed)
        size = rng.uniform(0.7, 1.3, (d_sae, 1))
        kind = np.array(KINDS)[rng.permutation(np.arange(d_sae) % len(KINDS))]
        ratio = np.array([rng.uniform(*RATIOS[k]) for k in kind])
        weaker = np.where(np.isin(kind, ("a", "level")), 1, 0)
        weaker = np.where(np.isin(kind, ("alike", "neither")), rng.integers(0, 2, d_sae), weaker)
        rows, truth = [], []
        for m, width in enumerate(WIDTHS):
            whole = rng.normal(size=(d_sae, width))
            whole *= size * np.sqrt(width) / np.linalg.norm(whole, axis=1, keepdims=True)
            own = np.where(weaker == m, ratio, 1.0)[:, None] * whole
            part = rng.uniform(-0.35, 1.05, (d_sae, 1)).clip(0)
            part[~((kind == "a") & (m == 1) | (kind == "b") & (m == 0))] = 0
            rows.append(own)
            truth.append(rng.uniform(0.8, 1.2, (d_sae, 1)) * own + part * whole)
        rate, topical = rng.uniform(0.02, 0.12, d_sae), np.ones(d_sae)
        few = rng.permutation(d_sae)[:rare]
        rate[few], topical[few] = 0.25, np.geomspace(0.001, 0.02, rare)
        liking = np.exp(rng.normal(0.7, 0.6, d_sae))
        w = tuple(own.astype(np.float32) for own in rows)
        encoders = tuple((v + rng.normal(scale=0.5, size=v.shape)).T for v in w)
        world = replace(world, W=w, encoders=encoders)
        return cls(world, often * rate, tuple(truth), topical, liking, even)
