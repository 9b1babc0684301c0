"""How many exclusive latents have a ν as shared latents have it: metrics of one form."""

from itertools import product

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums, Swap
from xc.evaluate.overlap import Overlap
from xc.evaluate.populations import (
    EXCLUSIVE,
    FEWEST,
    FEWEST_BEYOND,
    FEWEST_REDRAWN,
    NUS,
    Population,
    by_pair,
    known,
)

SHARES = (50, 95)
"""Central per cent of the shared latents."""


def _within(overlap: Overlap) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        nu = overlap.own.nu(facts, overlap.nu)
        own, theirs = overlap.own.members(facts), overlap.shared.members(facts)
        return by_pair(
            facts, lambda i: share_within(nu[own[:, i], i], nu[theirs[:, i], i], overlap.percent)
        )

    return finish


def share_within(values: np.ndarray, reference: np.ndarray, percent: int) -> float:
    """Share of the values between the quantiles that enclose the central `percent` of a reference.

    NaN with fewer than `FEWEST` finite numbers on either side.
    """
    (values,), (reference,) = known(values), known(reference)
    if min(len(values), len(reference)) < FEWEST:
        return float("nan")
    tail, ordered = (1 - percent / 100) / 2, np.sort(reference)
    low, high = (_quantile(ordered, share) for share in (tail, 1 - tail))
    return np.count_nonzero((values >= low) & (values <= high)) / len(values)


def _quantile(ordered: np.ndarray, share: float) -> float:
    """As `np.quantile`, to the last bit, which takes far longer for a hundred numbers."""
    place = (len(ordered) - 1) * share
    below = int(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    way = place - below  # from the nearer end
    return low + (high - low) * way if way < 0.5 else high - (high - low) * (1 - way)


def _overlap(population: Population, name: str, percent: int) -> Metric:
    letter, overlap = "A" if population.side else "B", Overlap(population, name, percent)
    return Metric(
        name=f"{name}_overlap_{percent}_{population.name}",
        key=f"{name}_overlap_{percent}_{population.label}",
        scope=Scope.PER_PAIR,
        reads=Pass.NONE,
        finish=_within(overlap),
        overlap=overlap,
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
            f"shared latents' ν that leave {100 * overlap.tail:g} % out at either end, all "
            f"along {letter}'s direction; null with fewer than {FEWEST} latents of either class "
            "(Minder et al. A.11)."
        ),
        source="Minder et al., section 3 and A.11.",
        meaning=(
            f"Near 0 where exclusive latents are told apart; near {percent / 100:g} where they "
            "scale as shared ones do, which is what the artefacts of L1 look like."
        ),
        misleads="Wide for scattered shared latents: then even true ones fall inside. With few "
        "shared latents a single one with a far-off ν decides where an end is: with fewer than "
        f"{FEWEST_BEYOND} beyond either end, and fewer than {FEWEST_REDRAWN} at all, there is no "
        "interval.",
        undefined=f"a class has fewer than {FEWEST} latents with a ν",
    )


METRICS = tuple(_overlap(p, name, share) for name, share, p in product(NUS, SHARES, EXCLUSIVE))
