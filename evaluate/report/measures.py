"""How each measure is headed and written; its words are those of its row in `METRICS`."""

from dataclasses import dataclass

from xc.evaluate.metric import Metric
from xc.evaluate.metrics import METRICS
from xc.evaluate.report.numbers import Format, any_size, one, percent, three


@dataclass(frozen=True)
class Heading:
    """A measure's name for people, and how its values are written."""

    title: str
    style: Format


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
    "alignment_shared": Heading("Alignment of shared latents", three),
    "alignment_shared_chance": Heading("Alignment of shared latents by chance", three),
    "cca": Heading("CCA of the activations", three),
    "cca_chance": Heading("CCA by chance", three),
    "svcca": Heading("SVCCA of the activations", three),
    "pwcca": Heading("PWCCA of the activations", three),
    "cka": Heading("CKA of the activations", three),
    "cka_chance": Heading("CKA by chance", three),
    "procrustes": Heading("Procrustes similarity of the activations", three),
    "cosine_shared_median": Heading("Cosine of shared latents, median", three),
    "cosine_random_mean": Heading("Cosine of unrelated latents", three),
}
"""By metric name. A metric that is not here is headed by its name."""

COUNTS = "n_"
"""Start of the names of class counts, which the page shows among the classes."""


def scalar_metrics() -> tuple[Metric, ...]:
    """Metrics that give numbers of summary.json, in the table's order, class counts left out."""
    return tuple(m for m in METRICS if not m.scope.is_column and not m.name.startswith(COUNTS))


def heading(metric: Metric) -> Heading:
    """How to head a metric's row."""
    return HEADINGS.get(metric.name, Heading(metric.name.replace("_", " "), any_size))
