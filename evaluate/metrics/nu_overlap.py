"""How many exclusive latents have a ν as shared latents have it: metrics of one form."""

from itertools import product

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Members, Metric, Pass, Scope, Sums, Swap
from xc.evaluate.populations import (
    EXCLUSIVE,
    FEWEST,
    FEWEST_BEYOND,
    NUS,
    SHARED_LATENTS,
    Population,
    by_pair,
    known,
)

SHARES = (50, 95)
"""Central per cent of the shared latents."""


def _within(population: Population, name: str, percent: int) -> Finish:
    shared = SHARED_LATENTS.turned(population.side)

    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        nu = population.nu(facts, name)
        own, theirs = population.members(facts), shared.members(facts)
        return by_pair(
            facts, lambda i: share_within(nu[own[:, i], i], nu[theirs[:, i], i], percent)
        )

    return finish


def _beyond(population: Population, name: str, percent: int) -> Members:
    """The shared latents with a ν outside of the central share, at either end."""
    shared = SHARED_LATENTS.turned(population.side)

    def beyond(facts: Facts) -> np.ndarray:
        nu, theirs = population.nu(facts, name), shared.members(facts)
        n = (np.isfinite(nu) & theirs).sum(axis=0)
        return np.asarray(n * _tail(percent))

    return beyond


def _tail(percent: int) -> float:
    return (1 - percent / 100) / 2


def share_within(values: np.ndarray, reference: np.ndarray, percent: int) -> float:
    """Share of the values between the quantiles that enclose the central `percent` of a reference.

    NaN with fewer than `FEWEST` finite numbers on either side.
    """
    (values,), (reference,) = known(values), known(reference)
    if min(len(values), len(reference)) < FEWEST:
        return float("nan")
    low, high = np.quantile(reference, [_tail(percent), 1 - _tail(percent)])
    return float(np.mean((values >= low) & (values <= high)))


def _overlap(population: Population, name: str, percent: int) -> Metric:
    letter = "A" if population.side else "B"
    return Metric(
        name=f"{name}_overlap_{percent}_{population.name}",
        key=f"{name}_overlap_{percent}_{population.label}",
        scope=Scope.PER_PAIR,
        reads=Pass.NONE,
        finish=_within(population, name, percent),
        beyond=_beyond(population, name, percent),
        needs=("class", name),
        swap=Swap.PARTNER,
        stepped=True,
        bounds=(0.0, 1.0),
        summary=(
            f"Share of the latents of {letter} only whose {name} is within the central {percent} % "
            "of the shared latents'."
        ),
        formula=(
            f"the share of j in {population.name} with q_lo ≤ ν_j ≤ q_hi, q the quantiles of the "
            f"shared latents' ν that leave {100 * _tail(percent):g} % out at either end, all "
            f"along {letter}'s direction; null with fewer than {FEWEST} latents of either class "
            "(Minder et al. A.11)."
        ),
        meaning=(
            f"Near 0 where exclusive latents are told apart; near {percent / 100:g} where they "
            "scale as shared ones do, which is what the artefacts of L1 look like."
        ),
        misleads="Wide for scattered shared latents: then even true ones fall inside. With few "
        "shared latents a single one with a far-off ν decides where an end is: with fewer than "
        f"{FEWEST_BEYOND} beyond either end there is no interval.",
        undefined=f"a class has fewer than {FEWEST} latents with a ν",
    )


METRICS = tuple(_overlap(p, name, share) for name, share, p in product(NUS, SHARES, EXCLUSIVE))
