"""How many exclusive latents have a ν as shared latents have it: metrics of one form."""

from itertools import product

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums, Swap
from xc.evaluate.populations import (
    EXCLUSIVE,
    FEWEST,
    NUS,
    SHARED_LATENTS,
    Population,
    by_pair,
    known,
)

SHARES = (50, 95)
"""Central per cent of the shared latents."""

_FEW_CARRY = (
    " A few shared latents with a far-off ν carry the ends; the interval can then be too narrow."
)


def _within(population: Population, name: str, percent: int) -> Finish:
    shared = SHARED_LATENTS.turned(population.side)

    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        nu = population.nu(facts, name)
        own, theirs = population.members(facts), shared.members(facts)
        return by_pair(
            facts, lambda i: share_within(nu[own[:, i], i], nu[theirs[:, i], i], percent)
        )

    return finish


def share_within(values: np.ndarray, reference: np.ndarray, percent: int) -> float:
    """Share of the values between the quantiles that enclose the central `percent` of a reference.

    NaN with fewer than `FEWEST` finite numbers on either side.
    """
    (values,), (reference,) = known(values), known(reference)
    if min(len(values), len(reference)) < FEWEST:
        return float("nan")
    tail = (1 - percent / 100) / 2
    low, high = np.quantile(reference, [tail, 1 - tail])
    return float(np.mean((values >= low) & (values <= high)))


def _overlap(population: Population, name: str, percent: int) -> Metric:
    letter = "A" if population.side else "B"
    return Metric(
        name=f"{name}_overlap_{percent}_{population.name}",
        key=f"{name}_overlap_{percent}_{population.label}",
        scope=Scope.PER_PAIR,
        reads=Pass.NONE,
        finish=_within(population, name, percent),
        needs=("class", name),
        swap=Swap.PARTNER,
        stepped=True,
        bounds=(0.0, 1.0),
        summary=(
            f"Share of the latents of {letter} only whose {name} is within the central {percent} % "
            "of the shared latents'."
        ),
        formula=(
            f"the share of j in {population.name} with q_lo ≤ ν_j ≤ q_hi, q the quantiles "
            f"of the shared latents' ν that leave {(100 - percent) / 2:g} % out at either end, all "
            f"along {letter}'s direction; null with fewer than {FEWEST} latents of either class "
            "(Minder et al. A.11)."
        ),
        meaning=(
            f"Near 0 where exclusive latents are told apart; near {percent / 100:g} where they "
            "scale as shared ones do, which is what the artefacts of L1 look like."
        ),
        misleads="Wide for scattered shared latents: then even true ones fall inside."
        + (_FEW_CARRY if percent == max(SHARES) else ""),
        undefined=f"a class has fewer than {FEWEST} latents with a ν",
    )


METRICS = tuple(_overlap(p, name, share) for name, share, p in product(NUS, SHARES, EXCLUSIVE))
