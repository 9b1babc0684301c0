"""Numbers over the latents of each class, and over all that fire."""

from collections.abc import Mapping

import numpy as np
from planted_dictionary import (
    CLASSES,
    NAN,
    ROLES,
    Planted,
    Values,
    delta_norm,
    median,
    row_cosines,
)
from planted_latents import profile


def dead(p: Planted) -> Values:
    out = _silent(p.f, p.norms, "")
    for role in np.unique(p.role):
        out |= _silent(p.f[p.role == role], p.norms, f"_role_{ROLES[role]}")
    return out


def _silent(f: np.ndarray, norms: np.ndarray, end: str) -> Values:
    largest, often, n = (f * norms.sum(axis=1)).max(axis=0), (f > 0).mean(axis=0), len(f)
    out: Values = {
        f"dead_fraction{end}": float((f == 0).all(axis=0).mean()),
        f"n_dead_minder{end}": int((largest <= 1e-4).sum()),
    }
    for e in (5, 6, 7):
        out[f"n_rarer_1e-{e}{end}"] = int((often < 10.0**-e).sum()) if n >= 10**e else NAN
    return out


def sharedness(p: Planted) -> Values:
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
        for kind, key in CLASSES.items():
            part = mean @ np.where(classes == kind, h, 0) / mean.sum()
            out[name(f"sharedness_from_{key}")] = float(part)
    return out


def entropy(share: np.ndarray) -> np.ndarray:
    """H₂ in bits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(s > 0, -s * np.log2(s), 0.0) for s in (share, 1 - share)]
    return parts[0] + parts[1]


def counts(p: Planted) -> Values:
    out: Values = {"n_dead": int((~p.alive).sum())}
    for i, j, name in p.pairs:
        delta = delta_norm(*p.per_dimension[:, [i, j]].T)
        for end, classes in (("", p.classes[i, j]), ("_rms", p.classified(delta))):
            for kind, key in CLASSES.items():
                out[name(f"n_{key}{end}")] = int((classes == kind).sum())
        written = p.norms[p.alive & p.norms[:, [i, j]].any(axis=1)]
        share = written[:, j] / written[:, [i, j]].sum(axis=1)
        out[name("rel_norm_mode_{p}")] = float((share < 0.25).mean())
        out[name("rel_norm_mode_{q}")] = float((share > 0.75).mean())
        out[name("rel_norm_mode_middle")] = float(((share >= 0.25) & (share <= 0.75)).mean())
    return out


def profiles_counted(p: Planted, c: Mapping[str, np.ndarray]) -> Values:
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


def cosines(p: Planted) -> Values:
    out: Values = {}
    for i, j, name in p.pairs:
        shared = p.classes[i, j] == "shared"
        for end, sides in (("", p.W), ("_encoder", p.encoders)):
            u, v = sides[i], sides[j]
            out[name(f"cosine{end}_shared_median")] = median(row_cosines(u, v)[shared])
            out[name(f"cosine{end}_random_mean")] = _unrelated(u, v, p.alive)
    return out


def _unrelated(u: np.ndarray, v: np.ndarray, alive: np.ndarray) -> float:
    if u.shape != v.shape:
        return NAN
    i, k = np.nonzero(~np.eye(len(u), dtype=bool))
    there = alive & u.any(axis=1), alive & v.any(axis=1)
    kept = there[0][i] & there[1][k]
    return float(row_cosines(u[i[kept]], v[k[kept]]).mean())


def template(p: Planted, c: Mapping[str, np.ndarray]) -> Values:
    out: Values = {}
    fraction = c["template_fraction"]
    for word, cut in (("third", 1 / 3), ("half", 1 / 2)):
        out[f"template_over_{word}"] = _share_above(fraction[p.alive], cut)
        for i, j, name in p.pairs:
            for kind, key in CLASSES.items():
                found = _share_above(fraction[p.classes[i, j] == kind], cut)
                out[name(f"template_over_{word}_{key}")] = found
    return out


def _share_above(values: np.ndarray, cut: float) -> float:
    return float((values > cut).mean()) if len(values) else NAN


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
    held = profile(p)["persistence"][p.alive]
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
