"""Whether ν and the decoder norms rank exclusive latents alike: metrics of one form."""

from itertools import product

import numpy as np

from xc.evaluate.correlation import spearman
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums, Swap
from xc.evaluate.populations import EXCLUSIVE, FEWEST, NUS, Population, by_pair, known


def _ranked(population: Population, name: str) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        nu, members = population.nu(facts, name), population.members(facts)
        # Distance from the end of the scale that is the source's own: small where exclusive.
        delta = facts.values["delta_norm"]
        distance = delta if population.side else 1 - delta
        return by_pair(
            facts, lambda i: _agreement(nu[members[:, i], i], distance[members[:, i], i])
        )

    return finish


def _agreement(nu: np.ndarray, distance: np.ndarray) -> float:
    nu, distance = known(nu, distance)
    return spearman(nu, distance) if len(nu) >= FEWEST else float("nan")


def _comparison(population: Population, name: str) -> Metric:
    letter = "A" if population.side else "B"
    distance = "delta_norm" if population.side else "1 − delta_norm"
    return Metric(
        name=f"{name}_delta_norm_spearman_{population.name}",
        key=f"{name}_delta_norm_spearman_{population.label}",
        scope=Scope.PER_PAIR,
        reads=Pass.NONE,
        finish=_ranked(population, name),
        needs=("class", "delta_norm", name),
        swap=Swap.PARTNER,
        bounds=(-1.0, 1.0),
        summary=f"Rank correlation of {name} and decoder norm among the latents of {letter} only.",
        formula=(
            f"Spearman's coefficient of ν along {letter}'s direction and {distance}, over the "
            f"latents of class {population.name} with a ν; null with fewer than {FEWEST} (the "
            "rankings of Minder et al.'s fig. 4)."
        ),
        source="Minder et al., figure 4; the coefficient is xc's.",
        meaning=(
            "Near 1: a smaller norm in the other source goes with a smaller ν, so that a stricter "
            "threshold on norms finds the truer latents. Near 0: norms do not tell which are true."
        ),
        misleads="Many latents with a norm of nearly zero tie, and their order is noise.",
        undefined=f"fewer than {FEWEST} latents of the class have a ν, or all are alike",
    )


METRICS = tuple(_comparison(population, name) for name, population in product(NUS, EXCLUSIVE))
