"""How alike decoders are as spaces, and activations; chance levels by permuting rows."""

import numpy as np
from planted_dictionary import NAN, Planted, Values
from scipy.linalg import subspace_angles

PERMUTATIONS = 200
"""Behind chance levels."""


def decoders_aligned(p: Planted) -> Values:
    out: Values = {}
    rng = np.random.default_rng(0)
    for i, j, name in p.pairs:
        sets = {"": p.alive, "_all": np.ones_like(p.alive), "_shared": p.classes[i, j] == "shared"}
        for end, members in sets.items():
            a, b = (w[members] for w in (p.W[i], p.W[j]))
            value, chance = _aligned(a, b), _chance(a, b, rng)
            out[name(f"alignment{end}")] = value
            out[name(f"alignment{end}_chance")] = chance
            adjusted = (value - chance) / (1 - chance) if chance < 1 - 1e-9 else NAN
            out[name(f"alignment{end}_adjusted")] = adjusted
    return out


def _aligned(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 2:
        return NAN
    return float(np.mean(np.cos(subspace_angles(centred(a), centred(b))) ** 2))


def _chance(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    """Of pairs of latents that were permuted, on average."""
    return float(np.mean([_aligned(a, rng.permutation(b)) for _ in range(PERMUTATIONS)]))


def activations_alike(p: Planted) -> Values:
    out: Values = {}
    rng = np.random.default_rng(1)
    for i, j, name in p.pairs:
        x, y = centred(p.x[i]), centred(p.x[j])
        q, r = np.linalg.qr(x)[0], np.linalg.qr(y)[0]
        orders = [rng.permutation(len(x)) for _ in range(PERMUTATIONS // 10)]
        rho = np.linalg.svd(q.T @ r, compute_uv=False)
        main = np.linalg.svd(_leading(x).T @ _leading(y), compute_uv=False)
        across = np.linalg.svd(x.T @ y, compute_uv=False).sum()
        inner = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
        found = {
            "cca": (rho**2).mean(), "svcca": main.mean(),
            "pwcca": (_weighted(q, r, x) + _weighted(r, q, y)) / 2,
            "cka": np.square(x.T @ y).sum() / inner,
            "procrustes": across / (np.linalg.norm(x) * np.linalg.norm(y)),
            "cca_chance": np.mean([np.square(q.T @ r[o]).sum() for o in orders]) / len(rho),
            "cka_chance": np.mean([np.square(x.T @ y[o]).sum() for o in orders]) / inner,
        }  # fmt: skip
        out |= {name(key): float(value) for key, value in found.items()}
    return out


def _leading(x: np.ndarray) -> np.ndarray:
    """The fewest principal directions that hold 99 % of the variance, orthonormal [row, k]."""
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    held = np.cumsum(s**2) / (s**2).sum()
    return np.asarray(u[:, : int(np.searchsorted(held, 0.99)) + 1])


def _weighted(q: np.ndarray, r: np.ndarray, x: np.ndarray) -> float:
    u, rho, _ = np.linalg.svd(q.T @ r, full_matrices=False)
    alpha = np.abs((q @ u).T @ x).sum(axis=1)
    return float(alpha @ rho / alpha.sum())


def centred(rows: np.ndarray) -> np.ndarray:
    return rows - rows.mean(axis=0)
