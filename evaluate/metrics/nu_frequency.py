"""Whether latents with a high ν are merely frequent or rare ones: metrics of one form."""

from itertools import product

import numpy as np

from xc.evaluate.correlation import CORRELATIONS
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums, Swap
from xc.evaluate.populations import (
    EXCLUSIVE,
    FEWEST,
    NUS,
    OTHERS,
    SHARED_LATENTS,
    Population,
    by_pair,
    known,
)

POPULATIONS = (*EXCLUSIVE, SHARED_LATENTS, OTHERS)
_SWAPS = {SHARED_LATENTS: Swap.OTHER, OTHERS: Swap.SAME}
"""Exclusive ones have a partner; shared ones are taken along B's direction, whichever that is."""


def _correlated(population: Population, name: str, kind: str) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        nu, members = population.nu(facts, name), population.members(facts)
        frequency = facts.values["frequency"]
        return by_pair(
            facts, lambda i: _coefficient(kind, nu[members[:, i], i], frequency[members[:, i]])
        )

    return finish


def _coefficient(kind: str, nu: np.ndarray, frequency: np.ndarray) -> float:
    nu, frequency = known(nu, frequency)
    return CORRELATIONS[kind](nu, frequency) if len(nu) >= FEWEST else float("nan")


_ALONG = {
    0: "B's direction",
    1: "A's direction",
    None: (
        "the direction of the source with the longer decoder row (A's: `_mirror`; latents of equal "
        "rows are left out)"
    ),
}


def _correlation(population: Population, name: str, kind: str) -> Metric:
    return Metric(
        name=f"{name}_frequency_{kind}_{population.name}",
        key=f"{name}_frequency_{kind}_{population.label}",
        scope=Scope.PER_PAIR,
        reads=Pass.NONE,
        finish=_correlated(population, name, kind),
        needs=("class", "delta_norm", "frequency", name),
        swap=_SWAPS.get(population, Swap.PARTNER),
        bounds=(-1.0, 1.0),
        summary=(
            f"{kind.capitalize()} correlation of {name} and frequency over latents of class "
            f"{population.name}."
        ),
        formula=(
            f"{kind.capitalize()}'s coefficient of ν along {_ALONG[population.side]} and frequency "
            f"over the latents of class {population.name} with a ν; null with fewer than {FEWEST}. "
            "Minder et al. (fig. 12) write Spearman; their code computes Pearson and pools classes."
        ),
        source="Minder et al., A.13 and figure 12; Pearson's is their code's.",
        meaning="Positive: latents that fire often look more like those of both sources.",
        misleads=(
            "ν of rare latents is noisy, which alone weakens it; pooled over classes it changes "
            "sign, so that it is told for each class alone. A few latents with a far-off ν rule "
            "Pearson's, whose interval is wide then."
        ),
        undefined=f"fewer than {FEWEST} latents of the class have a ν, or all are alike",
    )


METRICS = tuple(
    _correlation(population, name, kind)
    for name, kind, population in product(NUS, CORRELATIONS, POPULATIONS)
)
