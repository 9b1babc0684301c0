"""How each measure is headed and written; its words are those of its row in `METRICS`."""

from dataclasses import dataclass

from xc.evaluate.metric import Metric
from xc.evaluate.metrics import METRICS
from xc.evaluate.report.numbers import Format, any_size, one, percent, three, two, whole


@dataclass(frozen=True)
class Heading:
    """A measure's name for people, and how its values are written."""

    title: str
    style: Format


_ONLY = {"a_only": "A only", "b_only": "B only"}
_NUS = {"nu_error": "νᵋ", "nu_reconstruction": "νʳ"}

HEADINGS: dict[str, Heading] = {
    "l0": Heading("Latents active per row", one),
    "fve": Heading("Variance explained", three),
    "fve_pooled": Heading("Variance explained, all sources", three),
    "mse": Heading("Squared error per row", any_size),
    "dead_fraction": Heading("Dead latents", percent),
    "sharedness": Heading("Sharedness", three),
    "sharedness_literal": Heading("Sharedness, as printed", any_size),
    "alignment": Heading("Alignment", three),
    "alignment_chance": Heading("Alignment by chance", three),
    "alignment_adjusted": Heading("Alignment above chance", three),
    "alignment_all": Heading("Alignment, dead latents too", three),
    "alignment_all_chance": Heading("Alignment, dead latents too, by chance", three),
    "alignment_all_adjusted": Heading("Alignment, dead latents too, above chance", three),
    "alignment_shared": Heading("Alignment of shared latents", three),
    "alignment_shared_chance": Heading("Alignment of shared latents by chance", three),
    "alignment_shared_adjusted": Heading("Alignment of shared latents above chance", three),
    "cca": Heading("CCA of the activations", three),
    "cca_chance": Heading("CCA by chance", three),
    "svcca": Heading("SVCCA of the activations", three),
    "pwcca": Heading("PWCCA of the activations", three),
    "cka": Heading("CKA of the activations", three),
    "cka_chance": Heading("CKA by chance", three),
    "procrustes": Heading("Procrustes similarity of the activations", three),
    **{
        f"n_{name}_nu_below": Heading(f"{of} latents that ν confirms", whole)
        for name, of in _ONLY.items()
    },
    **{
        f"{nu}_overlap_{share}_{name}": Heading(
            f"{symbol} of {of} within the central {share} % of shared", percent
        )
        for nu, symbol in _NUS.items()
        for share in (50, 95)
        for name, of in _ONLY.items()
    },
    **{
        f"{nu}_delta_norm_spearman_{name}": Heading(f"{symbol} and norms, {of}, Spearman", three)
        for nu, symbol in _NUS.items()
        for name, of in _ONLY.items()
    },
    **{
        f"{nu}_frequency_{kind}_{name}": Heading(
            f"{symbol} and frequency, {of}, {kind.capitalize()}", three
        )
        for nu, symbol in _NUS.items()
        for kind in ("spearman", "pearson")
        for name, of in (*_ONLY.items(), ("shared", "shared"), ("other", "other"))
    },
    "n_shared": Heading("Shared latents", whole),
    **{f"n_{name}": Heading(f"{of} latents", whole) for name, of in _ONLY.items()},
    "n_other": Heading("Other latents", whole),
    "n_dead": Heading("Dead latents, counted", whole),
    "n_shared_rms": Heading("Shared, by norms per dimension", whole),
    **{
        f"n_{name}_rms": Heading(f"{of}, by norms per dimension", whole)
        for name, of in _ONLY.items()
    },
    "n_other_rms": Heading("Other, by norms per dimension", whole),
    "persistence_mean": Heading("Persistence, mean", two),
    "n_present": Heading("Latents present", whole),
    "n_peak": Heading("Latents that are largest here", whole),
    "n_birth_10": Heading("Latents born here, by 10 %", whole),
    "n_birth_50": Heading("Latents born here, by 50 %", whole),
    "ce_clean": Heading("Cross-entropy of the model, nats", three),
    "ce_spliced": Heading("Cross-entropy, reconstruction spliced in", three),
    "ce_zero": Heading("Cross-entropy, zeros spliced in", three),
    "ce_delta": Heading("Cost of the reconstruction, nats", three),
    "ce_recovered": Heading("Loss recovered", three),
    "ce_replaced": Heading("Positions replaced", percent),
    "cosine_shared_median": Heading("Cosine of shared latents, median", three),
    "cosine_random_mean": Heading("Cosine of unrelated latents", three),
    **{
        f"l0_p{n:02d}": Heading(f"Latents active, {n} % of rows have no more", one)
        for n in (5, 50, 95)
    },
    "cosine_reconstruction": Heading("Cosine of activation and reconstruction", three),
    "fve_legacy_kissane": Heading("Variance explained, as Kissane et al.", three),
    "fve_legacy_kissane_pooled": Heading("Variance explained, as Kissane et al., all", three),
    "fve_legacy_minder": Heading("Variance explained, as Minder et al.", three),
    "fve_legacy_minder_pooled": Heading("Variance explained, as Minder et al., all", three),
    "n_dead_minder": Heading("Dead, as Minder et al.", whole),
    **{f"n_rarer_1e-{n}": Heading(f"Fire on less than 1 row in 10^{n}", whole) for n in (5, 6, 7)},
    "rel_norm_mode_a": Heading("Mode of A in the relative norms", percent),
    "rel_norm_mode_middle": Heading("Middle mode of the relative norms", percent),
    "rel_norm_mode_b": Heading("Mode of B in the relative norms", percent),
    "cosine_encoder_shared_median": Heading("Encoder cosine of shared latents, median", three),
    "cosine_encoder_random_mean": Heading("Encoder cosine of unrelated latents", three),
    "sharedness_v": Heading("Sharedness, weighted by v", three),
    "sharedness_unweighted": Heading("Sharedness, each latent once", three),
    "sharedness_from_shared": Heading("… from shared latents", three),
    "sharedness_from_a_only": Heading("… from A-only latents", three),
    "sharedness_from_b_only": Heading("… from B-only latents", three),
    "sharedness_from_other": Heading("… from other latents", three),
    **{
        f"template_over_{cut}{end}": Heading(f"Above one {cut} on template, {of}", percent)
        for cut in ("third", "half")
        for end, of in (
            ("", "all"),
            ("_shared", "shared"),
            ("_a_only", "A only"),
            ("_b_only", "B only"),
            ("_other", "other"),
        )
    },
}
"""By metric name. A metric that is not here is headed by its name."""

ELSEWHERE = ("n_", "nu_", "persistence", "template_over", "rel_norm_mode", "cosine_encoder")
"""How metrics begin that the page shows among the details."""

DETAILED = (
    "sharedness_",
    "fve_legacy",
    "l0_p",
    "cosine_reconstruction",
    "cca",
    "pwcca",
    "cka_chance",
    "procrustes",
    "alignment_all",
    "alignment_shared",
)
"""The same, of those whose plain form is a headline."""


def scalar_metrics() -> tuple[Metric, ...]:
    """Metrics that give numbers of summary.json, in the table's order."""
    return tuple(m for m in METRICS if not m.scope.is_column)


def headline_metrics() -> tuple[Metric, ...]:
    """Those of them that stand in the first table."""
    return tuple(m for m in scalar_metrics() if not m.name.startswith(ELSEWHERE + DETAILED))


def heading(metric: Metric) -> Heading:
    """How to head a metric's row."""
    return HEADINGS.get(metric.name, Heading(metric.name.replace("_", " "), any_size))
