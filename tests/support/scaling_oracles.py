"""Dense float64 oracles of the statistics of latent scaling, by SciPy and plain loops."""

from collections.abc import Callable
from functools import cache, partial
from itertools import product
from typing import Protocol

import numpy as np
from scipy.stats import pearsonr, spearmanr

from xc.evaluate.populations import FEWEST


class Scaled(Protocol):
    """What the oracles read of a dense world."""

    world: object

    @property
    def f(self) -> np.ndarray: ...

    @property
    def n(self) -> int: ...

    @property
    def pairs(self) -> list[tuple[int, int]]: ...

    def target(self, kind: str, m: int, j: int) -> np.ndarray: ...

    def d(self, m: int) -> np.ndarray: ...

    def betas(self, kind: str) -> np.ndarray: ...

    def nus(self, kind: str) -> np.ndarray: ...

    def improvements(self, kind: str) -> np.ndarray: ...

    def classes(self, p: int, q: int) -> np.ndarray: ...

    def delta_norm(self, p: int, q: int) -> np.ndarray: ...


Oracle = Callable[[Scaled], object]
SIDES = {"a_only": 1, "b_only": 0, "shared": 0}
CLASSES = (*SIDES, "other")
NUS = {"nu_error": "error", "nu_reconstruction": "reconstruction"}
TARGETS = ("error", "reconstruction", "activation", "activation_no_bias")


@cache
def nus(dense: Scaled, kind: str) -> np.ndarray:
    return dense.nus(kind)


@cache
def heldout(dense: Scaled, kind: str) -> np.ndarray:
    """β by least squares on the rows of one half, the error on those of the other."""
    odd = dense.world.sequence % 2 == 1  # type: ignore[attr-defined]
    out = np.full_like(dense.betas(kind), np.nan)
    for j, m, t in np.argwhere(~np.isnan(dense.betas(kind))):
        y = dense.target(kind, m, j)
        along = np.outer(dense.f[:, j], dense.d(t)[j])
        out[j, m, t] = np.mean([_gain(y, along, rows) for rows in (odd, ~odd)])
    return out


def _gain(y: np.ndarray, along: np.ndarray, rows: np.ndarray) -> float:
    if not along[rows].any() or not along[~rows].any():
        return float("nan")
    fitted = along[rows].ravel()
    beta = (fitted @ y[rows].ravel()) / (fitted @ fitted)
    before = np.square(y[~rows]).sum()
    return float(1 - np.square(y[~rows] - beta * along[~rows]).sum() / before)


def improved(dense: Scaled, kind: str) -> np.ndarray:
    return dense.improvements(kind)


def ratios(dense: Scaled, kind: str, *, held_out: bool = False) -> np.ndarray:
    return crossed(dense, heldout(dense, kind) if held_out else improved(dense, kind))


def crossed(dense: Scaled, values: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        sides = [
            np.stack([values[:, p, q] / values[:, q, q], values[:, q, p] / values[:, p, p]], axis=1)
            for p, q in dense.pairs
        ]
    ratios = np.stack(sides, axis=1)
    return np.where(np.isfinite(ratios), ratios, np.nan)


def members(dense: Scaled, name: str, pair: int, column: np.ndarray) -> np.ndarray:
    """Latents of a class with a finite value, in order."""
    p, q = dense.pairs[pair]
    label = {"a_only": f"{'abc'[p]}_only", "b_only": f"{'abc'[q]}_only"}.get(name, name)
    return np.flatnonzero((dense.classes(p, q) == label) & np.isfinite(column))


def each_pair(dense: Scaled, function: Callable[[int], float]) -> np.ndarray:
    return np.array([function(pair) for pair in range(len(dense.pairs))])


def below(dense: Scaled, *, name: str) -> np.ndarray:
    def count(pair: int) -> float:
        p, q = dense.pairs[pair]
        if dense.d(p).shape != dense.d(q).shape:
            return float("nan")
        error, reconstruction = (nus(dense, k)[:, pair, SIDES[name]] for k in NUS.values())
        found = members(dense, name, pair, error + reconstruction)
        return sum(abs(error[j]) < 0.2 and abs(reconstruction[j]) < 0.5 for j in found)

    return each_pair(dense, count)


def overlap(dense: Scaled, *, nu: str, name: str, percent: int) -> np.ndarray:
    def share(pair: int) -> float:
        column = nus(dense, NUS[nu])[:, pair, SIDES[name]]
        own, shared = (column[members(dense, c, pair, column)] for c in (name, "shared"))
        if min(len(own), len(shared)) < FEWEST:
            return float("nan")
        low, high = np.percentile(shared, [50 - percent / 2, 50 + percent / 2])
        return sum(low <= v <= high for v in own) / len(own)

    return each_pair(dense, share)


def ranked(dense: Scaled, *, nu: str, name: str) -> np.ndarray:
    def coefficient(pair: int) -> float:
        column = nus(dense, NUS[nu])[:, pair, SIDES[name]]
        found = members(dense, name, pair, column)
        delta = dense.delta_norm(*dense.pairs[pair])
        exclusive = delta if name == "a_only" else -delta
        return correlation("spearman", column[found], exclusive[found])

    return each_pair(dense, coefficient)


def own_nu(dense: Scaled, nu: str, name: str, pair: int) -> np.ndarray:
    """Along a class's direction; of class other along that of the longer decoder row."""
    both = nus(dense, NUS[nu])[:, pair]
    if name in SIDES:
        return both[:, SIDES[name]]
    lengths = [np.linalg.norm(dense.d(m), axis=1) for m in dense.pairs[pair]]
    return np.array(
        [
            np.nan if p == q else mirror if p > q else plain
            for p, q, (plain, mirror) in zip(*lengths, both, strict=True)
        ]
    )


def by_frequency(dense: Scaled, *, nu: str, name: str, kind: str) -> np.ndarray:
    def coefficient(pair: int) -> float:
        column = own_nu(dense, nu, name, pair)
        found = members(dense, name, pair, column)
        return correlation(kind, column[found], (dense.f > 0).mean(axis=0)[found])

    return each_pair(dense, coefficient)


def correlation(kind: str, x: np.ndarray, y: np.ndarray) -> float:
    if len(x) < FEWEST or len(set(x)) == 1 or len(set(y)) == 1:
        return float("nan")
    return float({"spearman": spearmanr, "pearson": pearsonr}[kind](x, y).statistic)


_ONLY = ("a_only", "b_only")

STATISTICS: dict[str, Oracle] = {
    **{f"mse_improvement_{kind}": partial(improved, kind=kind) for kind in TARGETS},
    **{f"mse_improvement_{kind}_heldout": partial(heldout, kind=kind) for kind in TARGETS},
    **{f"mse_improvement_ratio_{kind}": partial(ratios, kind=kind) for kind in TARGETS},
    **{
        f"mse_improvement_ratio_{kind}_heldout": partial(ratios, kind=kind, held_out=True)
        for kind in TARGETS
    },
    **{f"n_{c}_nu_below": partial(below, name=c) for c in _ONLY},
    **{
        f"{nu}_overlap_{percent}_{c}": partial(overlap, nu=nu, name=c, percent=percent)
        for nu, c, percent in product(NUS, _ONLY, (50, 95))
    },
    **{
        f"{nu}_delta_norm_spearman_{c}": partial(ranked, nu=nu, name=c)
        for nu, c in product(NUS, _ONLY)
    },
    **{
        f"{nu}_frequency_{kind}_{c}": partial(by_frequency, nu=nu, name=c, kind=kind)
        for nu, c, kind in product(NUS, CLASSES, ("spearman", "pearson"))
    },
}
