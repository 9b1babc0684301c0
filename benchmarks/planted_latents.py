"""Columns of latents.parquet that follow from codes and directions latent by latent."""

import numpy as np
from planted_dictionary import NAN, ROLES, TEMPLATE, Columns, Planted, delta_norm, row_cosines


def firing(p: Planted) -> Columns:
    fires = p.f > 0
    with np.errstate(invalid="ignore"):
        template = fires[p.role == TEMPLATE].sum(axis=0) / fires.sum(axis=0)
    out = {"template_fraction": template, **_strengths(p.f, "")}
    for role in np.unique(p.role):
        out |= _strengths(p.f[p.role == role], f"_role_{ROLES[role]}")
    return out


def _strengths(f: np.ndarray, end: str) -> Columns:
    quantiles = {
        f"activation_p{percent}": np.array([_quantile(column, percent) for column in f.T])
        for percent in (50, 90, 99)
    }
    found = {
        "frequency": (f > 0).mean(axis=0), "mean_activation": f.mean(axis=0),
        "max_activation": f.max(axis=0), **quantiles,
    }  # fmt: skip
    return {f"{name}{end}": values for name, values in found.items()}


def _quantile(f: np.ndarray, percent: int) -> float:
    ordered = np.sort(f[f > 0])
    return float(ordered[-(-percent * len(ordered) // 100) - 1]) if len(ordered) else NAN


def decoder_columns(p: Planted) -> Columns:
    out = {}
    for m, letter in enumerate(p.letters):
        out[f"norm_{letter}"] = p.norms[:, m]
        out[f"norm_folded_{letter}"] = p.norms[:, m] / p.scale[m]
    for i, j, name in p.pairs:
        for end, norms in (("", p.norms), ("_rms", p.per_dimension)):
            with np.errstate(invalid="ignore"):
                out[name(f"rel_norm{end}")] = norms[:, j] / (norms[:, i] + norms[:, j])
            out[name(f"delta_norm{end}")] = delta_norm(norms[:, i], norms[:, j])
        out[name("cosine")] = row_cosines(p.W[i], p.W[j])
        out[name("cosine_encoder")] = row_cosines(p.encoders[i], p.encoders[j])
    return out


def profile(p: Planted) -> Columns:
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
