"""Latent scaling, least squares latent by latent, and what it says of exclusive latents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from planted_dictionary import NAN, Columns, Planted, Values
from scipy.stats import pearsonr, spearmanr

NU_ERROR, NU_RECONSTRUCTION = 0.2, 0.5
"""Minder's bounds on |ν|."""
FEWEST = 10
"""Latents that a share or a correlation needs."""
TARGETS = ("error", "reconstruction", "activation", "activation_no_bias")
BETA, IMPROVEMENTS = "beta_{}", ("mse_improvement_{}", "mse_improvement_{}_heldout")
CURVE = (0.2, 0.5)
"""π of nu_curves.parquet that are looked at."""


def scaled(p: Planted) -> Columns:
    """Latent scaling: least squares along one direction, latent by latent."""
    n, sources = p.f.shape[1], range(len(p.W))
    names = [form.format(target) for form in (BETA, *IMPROVEMENTS) for target in TARGETS]
    found = {name: np.full((n, len(p.W), len(p.W)), NAN) for name in names}
    odd = p.sequence % 2 == 1
    for m in sources:
        for t in sources:
            if p.W[m].shape == p.W[t].shape:
                for j in np.flatnonzero(p.alive & (p.norms[:, t] > 0)):
                    for name, value in _scaled_latent(p, j, m, t, odd).items():
                        found[name][j, m, t] = value
    return _named_scaling(p, found)


def _scaled_latent(p: Planted, j: int, m: int, t: int, odd: np.ndarray) -> Values:
    """Of source m along the direction of source t."""
    on = p.f[:, j] > 0
    f, d = p.f[on, j], p.W[t][j]
    alone = np.outer(f, p.W[m][j])
    targets = {
        "error": (p.error[m][on] + alone, p.error[m]),
        "reconstruction": (p.xhat[m][on], p.xhat[m]),
        "activation": (p.x[m][on], p.x[m]),
        "activation_no_bias": (p.x[m][on] - p.b[m], p.x[m] - p.b[m]),
    }
    out = {}
    for target, (y, rest) in targets.items():
        along = y @ d
        out[f"beta_{target}"] = (f @ along) / ((f @ f) * (d @ d))
        fit = _Fit(f, d, y, rest, on, odd)
        every = np.ones_like(odd)
        out[f"mse_improvement_{target}"] = fit.gain(fitted=every, judged=every)
        both = fit.gain(fitted=odd, judged=~odd) + fit.gain(fitted=~odd, judged=odd)
        out[f"mse_improvement_{target}_heldout"] = both / 2
    return out


@dataclass(frozen=True)
class _Fit:
    """A target y on the rows where a latent fires, and what it is on the others."""

    f: np.ndarray
    d: np.ndarray
    y: np.ndarray
    rest: np.ndarray
    """On all rows; only those count where the latent is silent."""
    on: np.ndarray
    odd: np.ndarray

    def gain(self, *, fitted: np.ndarray, judged: np.ndarray) -> float:
        """(before − after)/before on some rows of β from some rows (bool [row] both)."""
        a, b = fitted[self.on], judged[self.on]
        if not (a.any() and b.any()):
            return NAN
        beta = self.f[a] @ (self.y[a] @ self.d) / ((self.f[a] @ self.f[a]) * (self.d @ self.d))
        silent = np.square(self.rest[judged & ~self.on]).sum()
        before = silent + np.square(self.y[b]).sum()
        after = silent + np.square(self.y[b] - beta * np.outer(self.f[b], self.d)).sum()
        return float((before - after) / before)


def _named_scaling(p: Planted, found: Mapping[str, np.ndarray]) -> Columns:
    widths = [w.shape[1] for w in p.W]
    out: Columns = {}
    for name, values in found.items():
        for m, letter in enumerate(p.letters):
            if name in ("beta_error", "beta_reconstruction"):
                out[f"{name.replace('beta', 'beta_own')}_{letter}"] = values[:, m, m]
            for t, along in enumerate(p.letters):
                end = f"_on_{along}" if len(p.W) > 2 else ("_mirror" if t == 0 else "")
                shared = widths.count(widths[t]) > 1
                out[f"{name}_{letter}{end}"] = values[:, m, t] * (1 if shared else NAN)
        ratio = _RATIOS.get(name)
        for i, j, at in p.pairs:
            if ratio:
                out[at(ratio)] = _over(values[:, i, j], values[:, j, j])
                out[at(f"{ratio}_mirror")] = _over(values[:, j, i], values[:, i, i])
    return out


_RATIOS = {
    "beta_error": "nu_error", "beta_reconstruction": "nu_reconstruction",
    "beta_activation": "nu_activation", "beta_activation_no_bias": "nu_activation_no_bias",
    **{form.format(target): form.format(f"ratio_{target}")
       for form in IMPROVEMENTS for target in TARGETS},
}  # fmt: skip


def _over(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return top / bottom


def exclusive(p: Planted, c: Mapping[str, np.ndarray]) -> Values:
    """What latent scaling says of exclusive latents."""
    out: Values = {}
    for i, j, name in p.pairs:
        if p.W[i].shape != p.W[j].shape:
            continue
        classes, delta = p.classes[i, j], p.delta[i, j]
        sides = (("p", "{p}_only", "_mirror", delta), ("q", "{q}_only", "", 1 - delta))
        for kind, key, mirror, distance in sides:
            own, shared = classes == kind, classes == "shared"
            nus = {nu: c[name(f"{nu}{mirror}")] for nu in ("nu_error", "nu_reconstruction")}
            error, whole = (abs(nu[own]) for nu in nus.values())
            below = (error < NU_ERROR) & (whole < NU_RECONSTRUCTION)
            out[name(f"n_{key}_nu_below")] = int(below.sum())
            for nu, values in nus.items():
                for percent in (50, 95):
                    found = _overlap(values[own], values[shared], percent)
                    out[name(f"{nu}_overlap_{percent}_{key}")] = found
                ranks = _correlated(spearmanr, values[own], distance[own])
                out[name(f"{nu}_delta_norm_spearman_{key}")] = ranks
        for nu in ("nu_error", "nu_reconstruction"):
            along_b, along_a = c[name(nu)], c[name(f"{nu}_mirror")]
            leaning = np.where(delta > 0.5, along_b, along_a)
            by_class = (
                ("p", "{p}_only", along_a), ("q", "{q}_only", along_b),
                ("shared", "shared", along_b), ("other", "other", leaning),
            )  # fmt: skip
            for kind, key, values in by_class:
                own = classes == kind
                for word, function in (("spearman", spearmanr), ("pearson", pearsonr)):
                    found = _correlated(function, values[own], c["frequency"][own])
                    out[name(f"{nu}_frequency_{word}_{key}")] = found
    return out


def _overlap(values: np.ndarray, reference: np.ndarray, percent: int) -> float:
    if min(len(values), len(reference)) < FEWEST:
        return NAN
    low, high = np.percentile(reference, [50 - percent / 2, 50 + percent / 2])
    return float(((values >= low) & (values <= high)).mean())


def _correlated(
    function: Callable[..., tuple[float, float]], u: np.ndarray, v: np.ndarray
) -> float:
    if len(u) < FEWEST or np.ptp(u) == 0 or np.ptp(v) == 0:
        return NAN
    return float(function(u, v)[0])


def curves(p: Planted, c: Mapping[str, np.ndarray]) -> Values:
    """Rows of nu_curves.parquet: counts by class, π and column; of two sources."""
    out: Values = {}
    for kind, key, end in (
        ("p", "a_only", "_mirror"),
        ("q", "b_only", ""),
        ("shared",) * 2 + ("",),
    ):
        own = p.classes[0, 1] == kind
        error, whole = c[f"nu_error{end}"][own], c[f"nu_reconstruction{end}"][own]
        for pi in CURVE:
            both = (error < pi) & (whole < pi)
            found = {"error": error < pi, "reconstruction": whole < pi, "both": both}
            out |= {f"{key} {pi:g} n_{name}": int(v.sum()) for name, v in found.items()}
    return out
