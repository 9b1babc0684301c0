"""How many exclusive latents latent scaling confirms: two metrics of one form."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums, Swap
from xc.evaluate.populations import ERROR, EXCLUSIVE, NUS, RECONSTRUCTION, Population

MOST_ERROR, MOST_RECONSTRUCTION = 0.2, 0.5
"""Below these |ν^ε| and |ν^r| Minder et al. call a latent specific."""


def _counting(population: Population) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        widths = facts.decoder.widths
        comparable = np.array([widths[p] == widths[q] for p, q in facts.pairs], dtype=np.bool_)
        if facts.thresholds.exclusive is None or not comparable.any():
            return np.full(len(facts.pairs), np.nan)
        error, reconstruction = (np.abs(population.nu(facts, name)) for name in NUS)
        with np.errstate(invalid="ignore"):
            below = (error < MOST_ERROR) & (reconstruction < MOST_RECONSTRUCTION)
        found = np.count_nonzero(below & population.members(facts), axis=0)
        return found if comparable.all() else np.where(comparable, found, np.nan)

    return finish


def _below(population: Population) -> Metric:
    letter, other = ("A", "B") if population.side else ("B", "A")
    return Metric(
        name=f"n_{population.name}_nu_below",
        key=f"n_{population.label}_nu_below",
        scope=Scope.PER_PAIR,
        reads=Pass.NONE,
        finish=_counting(population),
        needs=("class", ERROR, RECONSTRUCTION),
        swap=Swap.PARTNER,
        stepped=True,
        bounds=(0.0, float("inf")),
        summary=f"Number of latents that write to {letter} only and that latent scaling confirms.",
        formula=(
            f"#{{j : class of j is {population.name}, |ν^ε| < {MOST_ERROR}, |ν^r| < "
            f"{MOST_RECONSTRUCTION}}}, ν along {letter}'s direction (the thresholds of Minder et "
            "al.'s figures; nu_curves.parquet has the count for any threshold)."
        ),
        source="Minder et al., figure 8.",
        meaning=(
            f"Latents of {letter} whose direction is neither left in {other}'s error nor rebuilt "
            f"there by others. n_{population.name} less this is what may be artefacts."
        ),
        misleads="The thresholds are round numbers; the ν of rare latents are noisy about them.",
        undefined=(
            "the widths of the two sources differ, so that no latent has a ν, or the thresholds "
            "state no cut for latents of one source"
        ),
    )


METRICS = tuple(map(_below, EXCLUSIVE))
