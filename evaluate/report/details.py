"""Tables of numbers that not every reader wants: other definitions, parts, controls, by theme."""

from dataclasses import dataclass

from xc.evaluate.correlation import CORRELATIONS
from xc.evaluate.metric import Metric
from xc.evaluate.metrics import METRICS
from xc.evaluate.populations import NUS
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.headline import HeadlineRow, rows_of

_CLASSES = ("shared", "a_only", "b_only", "other")
_EXCLUSIVE = ("a_only", "b_only")

THEMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Classes of latents: counts",
        (*(f"n_{name}" for name in _CLASSES), "n_dead"),
    ),
    (
        "Classes of latents: counts by norms per dimension",
        tuple(f"n_{name}_rms" for name in _CLASSES),
    ),
    (
        "Latents across the sources",
        ("persistence_mean", "n_present", "n_peak", "n_birth_10", "n_birth_50"),
    ),
    (
        "Reconstruction: quantiles, direction, and the definitions of others",
        (
            "l0_p05",
            "l0_p50",
            "l0_p95",
            "cosine_reconstruction",
            "fve_legacy_kissane",
            "fve_legacy_kissane_pooled",
            "fve_legacy_minder",
            "fve_legacy_minder_pooled",
        ),
    ),
    (
        "The activations themselves: are the sources alike before any training?",
        ("cca", "cca_chance", "pwcca", "cka_chance", "procrustes"),
    ),
    (
        "Alignment, over all and over shared latents",
        (
            "alignment_all",
            "alignment_all_chance",
            "alignment_all_adjusted",
            "alignment_shared",
            "alignment_shared_chance",
            "alignment_shared_adjusted",
        ),
    ),
    (
        "Latent scaling of exclusive latents",
        (
            "n_a_only_nu_below",
            "n_b_only_nu_below",
            *(
                f"{nu}_overlap_{percent}_{name}"
                for nu in NUS
                for percent in (50, 95)
                for name in _EXCLUSIVE
            ),
            *(f"{nu}_delta_norm_spearman_{name}" for nu in NUS for name in _EXCLUSIVE),
        ),
    ),
    (
        "Latent scaling and frequency, by class",
        tuple(
            f"{nu}_frequency_{kind}_{name}"
            for nu in NUS
            for kind in CORRELATIONS
            for name in (*_EXCLUSIVE, "shared", "other")
        ),
    ),
    (
        "Dead latents, by other definitions",
        ("n_dead_minder", "n_rarer_1e-5", "n_rarer_1e-6", "n_rarer_1e-7"),
    ),
    (
        "Relative norms and encoders",
        (
            "rel_norm_mode_a",
            "rel_norm_mode_middle",
            "rel_norm_mode_b",
            "cosine_encoder_shared_median",
            "cosine_encoder_random_mean",
        ),
    ),
    (
        "Sharedness: other weights, and what each class contributes",
        (
            "sharedness_literal",
            "sharedness_v",
            "sharedness_unweighted",
            *(f"sharedness_from_{name}" for name in _CLASSES),
        ),
    ),
    (
        "Template tokens, by class",
        tuple(
            "_".join(filter(None, ("template_over", cut, name)))
            for cut in ("third", "half")
            for name in ("", *_CLASSES)
        ),
    ),
)
"""Titles, and names of the metrics below each."""

_BY_NAME: dict[str, Metric] = {m.name: m for m in METRICS}


@dataclass(frozen=True)
class Detail:
    """One of the tables."""

    title: str
    rows: tuple[HeadlineRow, ...]


def details(data: ReportData) -> tuple[Detail, ...]:
    """Those that hold any number."""
    tables = (
        Detail(title, rows_of((_BY_NAME[name] for name in names), data)) for title, names in THEMES
    )
    return tuple(table for table in tables if table.rows)
