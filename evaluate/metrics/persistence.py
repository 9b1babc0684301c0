"""Persistence: in how many sources a latent is, and how many latents a source has."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums
from xc.evaluate.profile import counted, known, present

_ALONE = "the source stands alone"


def persistence(sums: Sums, facts: Facts) -> np.ndarray:
    """Sources in which each latent is present."""
    return np.where(known(facts), present(facts).sum(axis=1), np.nan)


def mean(sums: Sums, facts: Facts) -> np.ndarray:
    """Mean over latents that fire."""
    found = facts.values["persistence"][facts.alive]
    found = found[~np.isnan(found)]
    return np.asarray(found.mean() if len(found) else np.nan)


def by_source(sums: Sums, facts: Facts) -> np.ndarray:
    """Latents present in each source."""
    return counted(facts, present(facts))


METRICS = (
    Metric(
        name="persistence",
        scope=Scope.LATENT,
        reads=Pass.NONE,
        finish=persistence,
        bounds=(1.0, float("inf")),
        summary="Number of sources in which the latent is present.",
        formula="#{m : ‖d_m‖/√d_model_m ≥ half the latent's largest such norm}.",
        source="xc; decoder norms over sources as Lindsey et al. 2024 read them over layers.",
        meaning=(
            "Over layers of one model: through how many of them a feature persists. 1: one "
            "source's own; the number of sources: everywhere."
        ),
        misleads=(
            "Half is a convention; a norm says what the decoder writes, and under L1 it can be "
            "shrunk although the feature is there (see nu)."
        ),
        undefined=f"all its decoder rows are zero, or {_ALONE}",
    ),
    Metric(
        name="persistence_mean",
        scope=Scope.SCALAR,
        reads=Pass.NONE,
        finish=mean,
        needs=("frequency", "persistence"),
        bounds=(1.0, float("inf")),
        summary="Mean number of sources in which a latent that fires is present.",
        formula="mean of persistence over latents that fire.",
        source="xc; decoder norms over sources as Lindsey et al. 2024 read them over layers.",
        meaning="How much of the dictionary runs through the sources; at most their number.",
        misleads="A mean of a distribution that often has two humps: see n_persistence_1, ….",
        undefined=f"no latent that fires writes anything, or {_ALONE}",
    ),
    Metric(
        name="n_present",
        scope=Scope.PER_SOURCE,
        reads=Pass.NONE,
        finish=by_source,
        needs=("frequency",),
        bounds=(0.0, float("inf")),
        summary="Number of latents that fire and are present in the source.",
        formula="#{j alive : ‖d_j^m‖/√d_model_m ≥ half the largest over sources}.",
        source="xc; decoder norms over sources as Lindsey et al. 2024 read them over layers.",
        meaning="How many of the latents a source takes part in.",
        misleads="Says nothing of how much they explain there; see fve.",
        undefined=_ALONE,
    ),
)
