"""Peak: the source in which a latent's decoder is largest."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums, Swap
from xc.evaluate.profile import counted, first, known, profile

_ALONE = "the source stands alone"


def peak(sums: Sums, facts: Facts) -> np.ndarray:
    """Number of each latent's peak source."""
    return first(_at_peak(facts), known(facts))


def by_source(sums: Sums, facts: Facts) -> np.ndarray:
    """Latents that peak in each source."""
    n = facts.decoder.n_sources
    return counted(facts, facts.values["peak_source"][:, None] == np.arange(n))


def _at_peak(facts: Facts) -> np.ndarray:
    return np.asarray(profile(facts) == 1)


METRICS = (
    Metric(
        name="peak_source",
        scope=Scope.LATENT,
        reads=Pass.NONE,
        finish=peak,
        swap=Swap.OTHER,
        bounds=(0.0, float("inf")),
        summary="The source, counted from 0, in which the latent's decoder norm is largest.",
        formula="argmax_m ‖d_m‖/√d_model_m; the first of equal ones.",
        source="xc; decoder norms over sources as Lindsey et al. 2024 read them over layers.",
        meaning="Over layers: where the feature is strongest.",
        misleads="Decided by noise for a latent that all sources share alike: see norm_entropy.",
        undefined=f"all its decoder rows are zero, or {_ALONE}",
    ),
    Metric(
        name="n_peak",
        scope=Scope.PER_SOURCE,
        reads=Pass.NONE,
        finish=by_source,
        needs=("frequency", "peak_source"),
        swap=Swap.OTHER,
        bounds=(0.0, float("inf")),
        summary="Number of latents that fire and have their largest decoder norm in the source.",
        formula="#{j alive : peak_source_j = m}.",
        source="xc; decoder norms over sources as Lindsey et al. 2024 read them over layers.",
        meaning="Where the dictionary's latents are at home.",
        misleads="Shared latents fall to one source or another by chance.",
        undefined=_ALONE,
    ),
)
