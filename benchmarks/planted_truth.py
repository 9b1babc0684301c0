"""What `xc evaluate` has to say of a planted dictionary, from what was planted.

Every number by its formula, dense and in float64, over the rows, codes, directions and offsets that
were drawn; nothing of xc is imported. NaN stands for null.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, permutations

import numpy as np
from scipy.linalg import subspace_angles
from scipy.optimize import linear_sum_assignment
from scipy.stats import pearsonr, spearmanr

ROLES = ("neither", "user", "assistant", "template")
TEMPLATE = 3
EXCLUSIVE, WITHIN = 0.1, 0.1
"""Minder's cuts of delta_norm: from 0 or 1, and from ½."""
NU_ERROR, NU_RECONSTRUCTION = 0.2, 0.5
"""Minder's bounds on |ν|."""
FEWEST = 10
"""Latents that a share or a correlation needs."""
PERMUTATIONS = 200
"""Behind chance levels."""
TWIN_COSINE = 0.9
APART = {"": (0.7, 0.3), "_04_01": (0.4, 0.1)}
"""High and low, by the end of a key."""
CURVE = (0.2, 0.5)
"""π of nu_curves.parquet that are looked at."""
NAN = float("nan")

Values = dict[str, float]
Columns = dict[str, np.ndarray]
Pair = tuple[int, int, Callable[[str], str]]
"""Two sources, and how names are made for them."""


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


def entropy(share: np.ndarray) -> np.ndarray:
    """H₂ in bits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(s > 0, -s * np.log2(s), 0.0) for s in (share, 1 - share)]
    return parts[0] + parts[1]


def columns(p: Planted) -> Columns:
    """By column of latents.parquet [latent]; class by name in `classes`."""
    return {**_firing(p), **_decoder(p), **_profile(p), **_scaled(p)}


def summary(p: Planted, c: Mapping[str, np.ndarray]) -> Values:
    """By key of summary.json.

    Args:
        p: planted.
        c: its columns.
    """
    return {
        **_rows(p), **_explained(p), **_dead(p), **_sharedness(p), **_decoders_aligned(p),
        **_activations_alike(p), **_counts(p), **_profiles_counted(p, c), **_cosines(p),
        **_exclusive(p, c), **_template(p, c),
    }  # fmt: skip


def _firing(p: Planted) -> Columns:
    fires = p.f > 0
    with np.errstate(invalid="ignore"):
        template = fires[p.role == TEMPLATE].sum(axis=0) / fires.sum(axis=0)
    out = {
        "frequency": fires.mean(axis=0), "mean_activation": p.f.mean(axis=0),
        "max_activation": p.f.max(axis=0), "template_fraction": template,
    }  # fmt: skip
    for role in np.unique(p.role):
        out[f"frequency_role_{ROLES[role]}"] = fires[p.role == role].mean(axis=0)
    for percent in (50, 90, 99):
        out[f"activation_p{percent}"] = np.array([_quantile(column, percent) for column in p.f.T])
    return out


def _quantile(f: np.ndarray, percent: int) -> float:
    ordered = np.sort(f[f > 0])
    return float(ordered[-(-percent * len(ordered) // 100) - 1]) if len(ordered) else NAN


def _decoder(p: Planted) -> Columns:
    out = {}
    for m, letter in enumerate(p.letters):
        out[f"norm_{letter}"] = p.norms[:, m]
        out[f"norm_folded_{letter}"] = p.norms[:, m] / p.scale[m]
    for i, j, name in p.pairs:
        for end, norms in (("", p.norms), ("_rms", p.per_dimension)):
            with np.errstate(invalid="ignore"):
                out[name(f"rel_norm{end}")] = norms[:, j] / (norms[:, i] + norms[:, j])
            out[name(f"delta_norm{end}")] = delta_norm(norms[:, i], norms[:, j])
        out[name("cosine")] = _row_cosines(p.W[i], p.W[j])
        out[name("cosine_encoder")] = _row_cosines(p.encoders[i], p.encoders[j])
    return out


def _row_cosines(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    if u.shape != v.shape:
        return np.full(len(u), NAN)
    with np.errstate(invalid="ignore"):
        return (u * v).sum(axis=1) / (np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1))


def _profile(p: Planted) -> Columns:
    largest = p.per_dimension.max(axis=1, keepdims=True)
    share = p.per_dimension / p.per_dimension.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.where(share > 0, -share * np.log(share), 0).sum(axis=1)
    return {
        "persistence": (p.per_dimension >= largest / 2).sum(axis=1).astype(float),
        "peak_source": np.argmax(p.per_dimension, axis=1).astype(float),
        "norm_entropy": bits / np.log(len(p.W)),
        "birth_source_10": np.argmax(p.per_dimension >= largest / 10, axis=1).astype(float),
        "birth_source_50": np.argmax(p.per_dimension >= largest / 2, axis=1).astype(float),
    }


def _scaled(p: Planted) -> Columns:
    """Latent scaling: least squares along one direction, latent by latent."""
    n, sources = p.f.shape[1], range(len(p.W))
    names = (
        "beta_error", "beta_reconstruction", "beta_activation", "beta_activation_no_bias",
        "mse_improvement_error", "mse_improvement_reconstruction",
        "mse_improvement_error_heldout", "mse_improvement_reconstruction_heldout",
    )  # fmt: skip
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
        if not target.startswith("activation"):
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
    "beta_activation": "nu_activation",
    **{f"mse_improvement_{part}": f"mse_improvement_ratio_{part}" for part in
       ("error", "reconstruction", "error_heldout", "reconstruction_heldout")},
}  # fmt: skip


def _over(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return top / bottom


def _rows(p: Planted) -> Values:
    active = (p.f > 0).sum(axis=1)
    out: Values = {"rows": len(p.f), **_sparsity(active, "")}
    for role in np.unique(p.role):
        end = f"_role_{ROLES[role]}"
        out |= {f"rows{end}": int((p.role == role).sum())} | _sparsity(active[p.role == role], end)
    return out


def _sparsity(active: np.ndarray, end: str) -> Values:
    share = {f"l0_p{q:02d}": np.quantile(active, q / 100, method="inverted_cdf")
             for q in (5, 50, 95)}  # fmt: skip
    return {f"{key}{end}": float(v) for key, v in {"l0": active.mean(), **share}.items()}


def _explained(p: Planted) -> Values:
    out: Values = {}
    left = [np.square(e).sum(axis=1) for e in p.error]
    around = [np.square(x - x.mean(axis=0)).sum() for x in p.x]
    apart = [np.square(x - c).sum(axis=1) for x, c in zip(p.x, p.centre, strict=True)]
    varied = [(e.var(axis=0, ddof=1).sum(), x.var(axis=0, ddof=1).sum())
              for e, x in zip(p.error, p.x, strict=True)]  # fmt: skip
    for m, letter in enumerate(p.letters):
        out |= _fit(p, m, np.ones(len(p.f), bool), f"_{letter}")
        for role in np.unique(p.role):
            out |= _fit(p, m, p.role == role, f"_{letter}_role_{ROLES[role]}")
        out[f"fve_legacy_kissane_{letter}"] = float(1 - (left[m] / apart[m]).mean())
        out[f"fve_legacy_minder_{letter}"] = float(1 - varied[m][0] / varied[m][1])
    out["fve"] = float(1 - sum(map(np.sum, left)) / sum(around))
    out["fve_legacy_kissane"] = float(1 - (sum(left) / sum(apart)).mean())
    out["fve_legacy_minder"] = float(1 - sum(v[0] for v in varied) / sum(v[1] for v in varied))
    return out


def _fit(p: Planted, m: int, rows: np.ndarray, end: str) -> Values:
    x, xhat = p.x[m][rows], p.xhat[m][rows]
    left = np.square(x - xhat).sum(axis=1)
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(xhat, axis=1)
    return {
        f"fve{end}": float(1 - left.sum() / np.square(x - x.mean(axis=0)).sum()),
        f"mse{end}": float(left.mean()),
        f"cosine_reconstruction{end}": float(((x * xhat).sum(axis=1) / lengths).mean()),
    }


def _dead(p: Planted) -> Values:
    often, n = (p.f > 0).mean(axis=0), len(p.f)
    largest = (p.f * p.norms.sum(axis=1)).max(axis=0)
    out: Values = {
        "dead_fraction": float((~p.alive).mean()),
        "n_dead_minder": int((largest <= 1e-4).sum()),
    }
    for e in (5, 6, 7):
        out[f"n_rarer_1e-{e}"] = int((often < 10.0**-e).sum()) if n >= 10**e else NAN
    return out


def _sharedness(p: Planted) -> Values:
    out: Values = {}
    means = p.f.mean(axis=0)[p.alive]
    for i, j, name in p.pairs:
        of_pair = p.norms[p.alive][:, [i, j]].sum(axis=1)
        either = of_pair > 0  # a third source's own latents take no part
        share, mean = p.norms[p.alive][either, j] / of_pair[either], means[either]
        h, written = entropy(share), mean * of_pair[either]
        classes = p.classes[i, j][p.alive][either]
        with np.errstate(divide="ignore", invalid="ignore"):
            literal = np.where(share > 0, -share * np.log2(share), 0.0)
        out[name("sharedness")] = float(mean @ h / mean.sum())
        out[name("sharedness_literal")] = float(literal @ mean)
        out[name("sharedness_v")] = float(written @ h / written.sum())
        out[name("sharedness_unweighted")] = float(h.mean())
        for kind, key in _CLASSES.items():
            part = mean @ np.where(classes == kind, h, 0) / mean.sum()
            out[name(f"sharedness_from_{key}")] = float(part)
    return out


_CLASSES = {"shared": "shared", "p": "{p}_only", "q": "{q}_only", "other": "other"}


def _decoders_aligned(p: Planted) -> Values:
    out: Values = {}
    rng = np.random.default_rng(0)
    for i, j, name in p.pairs:
        sets = {"": p.alive, "_all": np.ones_like(p.alive), "_shared": p.classes[i, j] == "shared"}
        for end, members in sets.items():
            a, b = (w[members] for w in (p.W[i], p.W[j]))
            value, chance = _aligned(a, b), _chance(a, b, rng)
            out[name(f"alignment{end}")] = value
            out[name(f"alignment{end}_chance")] = chance
            if not end:
                adjusted = (value - chance) / (1 - chance) if chance < 1 - 1e-9 else NAN
                out[name("alignment_adjusted")] = adjusted
    return out


def _centred(rows: np.ndarray) -> np.ndarray:
    return rows - rows.mean(axis=0)


def _aligned(a: np.ndarray, b: np.ndarray) -> float:
    if len(a) < 2:
        return NAN
    return float(np.mean(np.cos(subspace_angles(_centred(a), _centred(b))) ** 2))


def _chance(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    """Of pairs of latents that were permuted, on average."""
    return float(np.mean([_aligned(a, rng.permutation(b)) for _ in range(PERMUTATIONS)]))


def _activations_alike(p: Planted) -> Values:
    out: Values = {}
    rng = np.random.default_rng(1)
    for i, j, name in p.pairs:
        x, y = _centred(p.x[i]), _centred(p.x[j])
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


def _counts(p: Planted) -> Values:
    out: Values = {"n_dead": int((~p.alive).sum())}
    for i, j, name in p.pairs:
        delta = delta_norm(*p.per_dimension[:, [i, j]].T)
        for end, classes in (("", p.classes[i, j]), ("_rms", p.classified(delta))):
            for kind, key in _CLASSES.items():
                out[name(f"n_{key}{end}")] = int((classes == kind).sum())
        written = p.norms[p.alive & p.norms[:, [i, j]].any(axis=1)]
        share = written[:, j] / written[:, [i, j]].sum(axis=1)
        out[name("rel_norm_mode_{p}")] = float((share < 0.25).mean())
        out[name("rel_norm_mode_{q}")] = float((share > 0.75).mean())
        out[name("rel_norm_mode_middle")] = float(((share >= 0.25) & (share <= 0.75)).mean())
    return out


def _profiles_counted(p: Planted, c: Mapping[str, np.ndarray]) -> Values:
    alive = p.alive
    held = p.per_dimension >= p.per_dimension.max(axis=1, keepdims=True) / 2
    out: Values = {"persistence_mean": float(c["persistence"][alive].mean())}
    for m, letter in enumerate(p.letters):
        out[f"n_present_{letter}"] = int(held[alive, m].sum())
        for key, column in _BY_SOURCE.items():
            out[f"{key}_{letter}"] = int((c[column][alive] == m).sum())
    return out


_BY_SOURCE = {
    "n_peak": "peak_source", "n_birth_10": "birth_source_10", "n_birth_50": "birth_source_50",
}  # fmt: skip


def _cosines(p: Planted) -> Values:
    out: Values = {}
    for i, j, name in p.pairs:
        shared = p.classes[i, j] == "shared"
        for end, sides in (("", p.W), ("_encoder", p.encoders)):
            u, v = sides[i], sides[j]
            out[name(f"cosine{end}_shared_median")] = _median(_row_cosines(u, v)[shared])
            out[name(f"cosine{end}_random_mean")] = _unrelated(u, v, p.alive)
    return out


def _unrelated(u: np.ndarray, v: np.ndarray, alive: np.ndarray) -> float:
    if u.shape != v.shape:
        return NAN
    i, k = np.nonzero(~np.eye(len(u), dtype=bool))
    there = alive & u.any(axis=1), alive & v.any(axis=1)
    kept = there[0][i] & there[1][k]
    return float(_row_cosines(u[i[kept]], v[k[kept]]).mean())


def _median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else NAN


def _exclusive(p: Planted, c: Mapping[str, np.ndarray]) -> Values:
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
        for kind, key, mirror in (*(s[:3] for s in sides), ("shared", "shared", "")):
            own = classes == kind
            for nu in ("nu_error", "nu_reconstruction"):
                for word, function in (("spearman", spearmanr), ("pearson", pearsonr)):
                    found = _correlated(
                        function, c[name(f"{nu}{mirror}")][own], c["frequency"][own]
                    )
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


def _template(p: Planted, c: Mapping[str, np.ndarray]) -> Values:
    out: Values = {}
    fraction = c["template_fraction"]
    for word, cut in (("third", 1 / 3), ("half", 1 / 2)):
        out[f"template_over_{word}"] = _share_above(fraction[p.alive], cut)
        for i, j, name in p.pairs:
            for kind, key in _CLASSES.items():
                found = _share_above(fraction[p.classes[i, j] == kind], cut)
                out[name(f"template_over_{word}_{key}")] = found
    return out


def _share_above(values: np.ndarray, cut: float) -> float:
    return float((values > cut).mean()) if len(values) else NAN


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


def named_classes(p: Planted) -> dict[str, np.ndarray]:
    """Columns of classes, str [latent]: of each pair, and of more than two sources what all say."""
    out, own = {}, {}
    for i, j, name in p.pairs:
        words = {"p": f"{p.letters[i]}_only", "q": f"{p.letters[j]}_only"}
        label = np.array([words.get(c, c) for c in p.classes[i, j]], dtype="<U8")
        out[name("class")] = own[p.letters[i] + p.letters[j]] = label
    if len(p.W) > 2:
        out["class"] = np.full(p.f.shape[1], "other", dtype="<U8")
        agreed = {"shared": "", "dead": "", **{f"{letter}_only": letter for letter in p.letters}}
        for word, letter in agreed.items():
            asked = [label == word for pair, label in own.items() if letter in pair]
            out["class"][np.logical_and.reduce(asked)] = word
    return out


def overall(p: Planted, groups: Mapping[str, np.ndarray]) -> Values:
    """Counts over more than two sources, and over the groups of a partition (int, latents)."""
    classes = named_classes(p)["class"]
    held = _profile(p)["persistence"][p.alive]
    words = ("shared", *(f"{letter}_only" for letter in p.letters), "other")
    out: Values = {f"n_{word}": int((classes == word).sum()) for word in words}
    out |= {f"n_persistence_{k + 1}": int((held == k + 1).sum()) for k in range(len(p.W))}
    for name, latents in groups.items():
        out[f"l0_group_{name}"] = float((p.f[:, latents] > 0).sum(axis=1).mean())
        out[f"n_dead_group_{name}"] = int((~p.alive[latents]).sum())
        if name.startswith("exclusive"):
            out[f"n_alive_group_{name}"] = int(p.alive[latents].sum())
        else:
            of = classes[latents]
            out |= {f"n_{word}_group_{name}": int((of == word).sum()) for word in words}
    return out


def twins(p: Planted) -> Values:
    """Keys of twins in summary.json, and their median cosine.

    False twins are every latent with the twin of every other.
    """
    out: Values = {}
    v = p.f * p.norms.sum(axis=1)
    for i, j, name in p.pairs:
        if p.W[i].shape == p.W[j].shape:
            found = _twins(p.W[i], p.W[j], [p.classes[i, j] == kind for kind in "pq"], v)
            out |= {name(key): value for key, value in found.items()}
    return out


def _twins(a: np.ndarray, b: np.ndarray, kinds: list[np.ndarray], v: np.ndarray) -> Values:
    own, others = (np.flatnonzero(kind) for kind in kinds)
    cosines = np.array([_row_cosines(np.tile(a[i], (len(others), 1)), b[others]) for i in own])
    close = np.where(cosines > TWIN_COSINE, cosines, 0.0).reshape(len(own), len(others))
    best = [(i, k) for i, k in zip(*linear_sum_assignment(-close), strict=True) if close[i, k] > 0]
    out: Values = {"n_twins": len(best), "n_twins_greedy": len(_greedy(close))}
    pairs = [(own[i], others[k]) for i, k in best]
    false = [(first[0], other[1]) for first, other in permutations(pairs, 2)]
    for end, (high, low) in APART.items():
        for key, of in (("twin", pairs), ("false_twin", false)):
            found = np.array([_divergence(v[:, i], v[:, k], high, low) for i, k in of])
            out[f"{key}_divergence_median{end}"] = _median(found)
    return {**out, "twin_cosine_median": _median(np.array([close[at] for at in best]))}


def _greedy(close: np.ndarray) -> list[tuple[int, int]]:
    left, out = close.copy(), []
    while left.size and left.max() > 0:
        i, k = np.unravel_index(left.argmax(), left.shape)
        out.append((int(i), int(k)))
        left[i], left[:, k] = 0, 0
    return out


def _divergence(v: np.ndarray, w: np.ndarray, high: float, low: float) -> float:
    largest = max(v.max(), w.max())
    v, w = v / largest, w / largest
    either = (v > high) | (w > high)
    apart = ((v > high) & (w <= low)) | ((w > high) & (v <= low))
    return float(apart.sum() / either.sum()) if either.any() else NAN
