"""Worlds in which every statistic has a value: many latents of every class, rows by the million."""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from worlds import World, make_world

from xc.evaluate.metrics import METRICS

LEVELS = (0.04, 0.5, 1.0)
"""Norms of decoder rows, up to a tenth: far apart they make a latent exclusive, near ones other."""


def make_classed(
    n_rows: int = 100, d_sae: int = 150, *, widths: tuple[int, ...] = (6, 6), seed: int = 0
) -> World:
    """At least 20 latents of every class between any two sources, not as many in each pair.

    Half of those with a small row in a source are absent from its activations; the others are as
    strong there as elsewhere. Chat templates take two rows of five.
    """
    plain = make_world(n_rows, d_sae, widths=widths, active=0.12, zero_rows=False, seed=seed)
    rng = np.random.default_rng(seed)
    W, x = [], []
    for m, (w, rows) in enumerate(zip(plain.W, plain.x, strict=True)):
        small = 0.27 + 0.04 * m
        level = rng.choice(LEVELS, d_sae, p=(small, 0.5 - small, 0.5))
        unit = w / np.linalg.norm(w, axis=1, keepdims=True)
        absent = (level == LEVELS[0]) & (rng.random(d_sae) < 0.5)
        written = np.where(absent[:, None], 0, unit)
        x.append((rows + plain.f @ (written - w)).astype(np.float32))
        norm = level * rng.uniform(0.9, 1.1, d_sae)
        W.append((unit * norm[:, None]).astype(np.float32))
    role = rng.choice(4, n_rows, p=(0.2, 0.2, 0.2, 0.4)).astype(np.uint8)
    return replace(plain, W=tuple(W), x=tuple(x), role=role)


RARE = ("frequency", "n_rarer_1e-5", "n_rarer_1e-6", "n_rarer_1e-7")
FIRED = (0, 0, 0, 1, 1, 2, 3, 19, 19, 19, 20, 21, 199, 200, 300)
"""Rows on which each latent fires; 2, 20 and 200 of 2·10⁷ are bounds themselves: not below."""


def make_rare(n_rows: int = 20_000_000, *, seed: int = 0) -> World:
    """Rows that are nearly all empty, counted rather than stored, for metrics that read no other;
    some latents fire on rows among the first."""
    rng = np.random.default_rng(seed)
    rows = [np.append(rng.choice(80, n // 5, replace=False), _later(rng, n_rows, n)) for n in FIRED]
    row, latent = np.concatenate(rows), np.repeat(np.arange(len(FIRED)), FIRED)
    entries = (np.ones(len(row), np.float32), (row, latent))
    f = sp.coo_array(entries, shape=(n_rows, len(FIRED))).tocsc()
    x = np.broadcast_to(np.float32(0), (n_rows, 1))
    sequence = np.broadcast_to(np.int64(0), n_rows)
    role = np.broadcast_to(np.uint8(0), n_rows)
    plain = make_world(1, len(FIRED), widths=(1, 1))
    metrics = tuple(m for m in METRICS if m.name in RARE)
    return replace(plain, f=f, x=(x, x), sequence=sequence, role=role, metrics=metrics)


def _later(rng: np.random.Generator, n_rows: int, n: int) -> np.ndarray:
    return 80 + rng.choice(n_rows - 80, n - n // 5, replace=False, shuffle=False)
