"""Dense float64 oracles of all metrics by name, and the worlds that they are tried on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from activation_oracles import COMPARISONS, all_comparisons, compare
from alignment_oracles import ALIGNMENTS
from dense_decoders import DenseDecoders
from dense_rows import DenseRows
from dense_scaling import DenseScaling
from dense_spaces import DenseSpaces
from scaling_oracles import STATISTICS
from worlds import World, latent_rows, make_world

__all__ = ["ORACLES", "Dense", "World", "assert_same", "latent_rows", "make_world"]


@dataclass(frozen=True)
class Dense(DenseScaling, DenseRows, DenseDecoders, DenseSpaces):
    """Every oracle of a world."""


def mean_of_known(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def random_mean(alive: np.ndarray, p: np.ndarray, q: np.ndarray) -> float:
    """Mean of the cosines of all pairs of different living rows."""
    if p.shape[1] != q.shape[1]:
        return float("nan")
    norms = np.linalg.norm(p, axis=1)[:, None] * np.linalg.norm(q, axis=1)
    with np.errstate(invalid="ignore"):
        table = p @ q.T / norms
    table[np.eye(len(p), dtype=bool) | ~np.outer(alive, alive)] = np.nan
    known = table[~np.isnan(table)]
    return float(known.mean()) if len(known) else float("nan")


def rarer(dense: Dense, bound: int) -> float:
    """Latents that fire less than once in so many rows, in whole numbers."""
    n_rows = dense.world.n_rows
    fired = (dense.world.f > 0).sum(axis=0).tolist()
    return sum(n * bound < n_rows for n in fired) if n_rows >= bound else float("nan")


ORACLES: dict[str, Callable[[Dense], object]] = {
    "l0": lambda d: (d.f > 0).sum() / len(d.f),
    "fve": lambda d: [1 - d.error(m) / d.variance(m) for m in range(d.n)],
    "fve_pooled": lambda d: 1 - sum(map(d.error, range(d.n))) / sum(map(d.variance, range(d.n))),
    "mse": lambda d: [d.error(m) / len(d.f) for m in range(d.n)],
    "l0_p05": lambda d: d.per_row(5),
    "l0_p50": lambda d: d.per_row(50),
    "l0_p95": lambda d: d.per_row(95),
    "cosine_reconstruction": lambda d: [d.likeness(m) for m in range(d.n)],
    "fve_legacy_kissane": lambda d: [d.kissane(m) for m in range(d.n)],
    "fve_legacy_kissane_pooled": lambda d: d.kissane(*range(d.n)),
    "fve_legacy_minder": lambda d: [d.minder(m) for m in range(d.n)],
    "fve_legacy_minder_pooled": lambda d: d.minder(*range(d.n)),
    "frequency": lambda d: (d.f > 0).mean(axis=0),
    "mean_activation": lambda d: d.f.mean(axis=0),
    "max_activation": lambda d: d.f.max(axis=0),
    **{f"activation_p{n}": partial(Dense.quantile, percent=n) for n in (50, 90, 99)},
    "n_dead_minder": lambda d: (d.f.max(axis=0) * d.norms().sum(axis=1) <= 1e-4).sum(),
    **{f"n_rarer_1e-{n}": partial(rarer, bound=10**n) for n in (5, 6, 7)},
    "dead_fraction": lambda d: (~d.alive).mean(),
    "norm": lambda d: d.norms(),
    "norm_folded": lambda d: d.norms() / np.array(d.world.scale),
    "rel_norm": lambda d: d.by_pair(d.rel_norm),
    "delta_norm": lambda d: d.by_pair(d.delta_norm),
    "rel_norm_rms": lambda d: d.by_pair(partial(d.rms, relative=True)),
    "delta_norm_rms": lambda d: d.by_pair(partial(d.rms, relative=False)),
    "cosine": lambda d: d.by_pair(d.cosine),
    "cosine_random_mean": lambda d: [random_mean(d.alive, d.d(p), d.d(q)) for p, q in d.pairs],
    "cosine_encoder_random_mean": lambda d: [
        random_mean(d.alive, *d.written(p, q)) for p, q in d.pairs
    ],
    "cosine_encoder": lambda d: d.by_pair(partial(d.cosine, encoder=True)),
    "class": lambda d: d.by_pair(d.classes),
    "activation_similarity": all_comparisons,
    "compared_rows": lambda d: compare(d, "rows_of")[:, None],
    **{name: partial(compare, name=name) for name in COMPARISONS},
    "template_fraction": lambda d: d.template_fraction(),
    **{
        "_".join(["template_over", word, *name]): partial(Dense.template_over, cut=cut, label=label)
        for word, cut in (("third", 1 / 3), ("half", 1 / 2))
        for name, label in (
            ([], ""),
            (["shared"], "shared"),
            (["a_only"], "{p}_only"),
            (["b_only"], "{q}_only"),
            (["other"], "other"),
        )
    },
    "sharedness": lambda d: [d.entropy_sum(p, q, literal=False) for p, q in d.pairs],
    "sharedness_literal": lambda d: [d.entropy_sum(p, q, literal=True) for p, q in d.pairs],
    "sharedness_v": lambda d: [
        d.mean_entropy(p, q, d.f.mean(axis=0) * (d.norms()[:, p] + d.norms()[:, q]))
        for p, q in d.pairs
    ],
    "sharedness_unweighted": lambda d: [
        d.mean_entropy(p, q, np.ones(d.f.shape[1])) for p, q in d.pairs
    ],
    "sharedness_from_shared": lambda d: [d.entropy_of(p, q, "shared") for p, q in d.pairs],
    "sharedness_from_a_only": lambda d: [d.entropy_of(p, q, "{p}_only") for p, q in d.pairs],
    "sharedness_from_b_only": lambda d: [d.entropy_of(p, q, "{q}_only") for p, q in d.pairs],
    "sharedness_from_other": lambda d: [d.entropy_of(p, q, "other") for p, q in d.pairs],
    "persistence": Dense.persistence,
    "persistence_mean": lambda d: mean_of_known(d.persistence()[d.alive]),
    "n_present": lambda d: (d.per_dimension() >= 0.5)[d.alive].sum(axis=0),
    "peak_source": lambda d: d.first_source(1.0),
    "n_peak": lambda d: d.at(d.first_source(1.0)),
    "norm_entropy": Dense.norm_entropy,
    "birth_source_10": lambda d: d.first_source(0.1),
    "birth_source_50": lambda d: d.first_source(0.5),
    "n_birth_10": lambda d: d.at(d.first_source(0.1)),
    "n_birth_50": lambda d: d.at(d.first_source(0.5)),
    "alignment": lambda d: [d.alignment(p, q) for p, q in d.pairs],
    "alignment_chance": lambda d: [d.alignment_chance(p, q) for p, q in d.pairs],
    "alignment_adjusted": lambda d: [d.alignment_adjusted(p, q) for p, q in d.pairs],
    "n_shared": lambda d: d.count("shared"),
    "n_a_only": lambda d: d.count("{p}_only"),
    "n_b_only": lambda d: d.count("{q}_only"),
    "n_other": lambda d: d.count("other"),
    "n_shared_rms": lambda d: d.count("shared", rms=True),
    "n_a_only_rms": lambda d: d.count("{p}_only", rms=True),
    "n_b_only_rms": lambda d: d.count("{q}_only", rms=True),
    "n_other_rms": lambda d: d.count("other", rms=True),
    "rel_norm_mode_a": lambda d: [d.mode(p, q, 0) for p, q in d.pairs],
    "rel_norm_mode_middle": lambda d: [d.mode(p, q, 1) for p, q in d.pairs],
    "rel_norm_mode_b": lambda d: [d.mode(p, q, 2) for p, q in d.pairs],
    "n_dead": lambda d: (~d.alive).sum(),
    "cosine_shared_median": lambda d: [d.median_shared(p, q) for p, q in d.pairs],
    "cosine_encoder_shared_median": lambda d: [
        d.median_shared(p, q, encoder=True) for p, q in d.pairs
    ],
    "beta_error": lambda d: d.betas("error"),
    "beta_reconstruction": lambda d: d.betas("reconstruction"),
    "beta_activation": lambda d: d.betas("activation"),
    "beta_activation_no_bias": lambda d: d.betas("activation_no_bias"),
    "nu_error": lambda d: d.nus("error"),
    "nu_reconstruction": lambda d: d.nus("reconstruction"),
    "nu_activation": lambda d: d.nus("activation"),
    "nu_activation_no_bias": lambda d: d.nus("activation_no_bias"),
    "beta_own_error": lambda d: d.own("error"),
    "beta_own_reconstruction": lambda d: d.own("reconstruction"),
    **ALIGNMENTS,
    **STATISTICS,
}
"""Values by metric name; drawn metrics have none and are tested against what they estimate."""


def assert_same(found: np.ndarray, expected: object, *, atol: float = 2e-5) -> None:
    """Equal text, or equal numbers with NaN in the same places."""
    expected = np.asarray(expected)
    if expected.dtype.kind == "U":
        np.testing.assert_array_equal(found, expected)
        return
    assert found.shape == expected.shape
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected.astype(np.float64)))
    scale = np.maximum(1.0, np.abs(np.nan_to_num(expected.astype(np.float64))))
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=atol)
