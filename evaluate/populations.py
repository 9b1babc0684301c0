"""Latents of a class with their ν: what statistics of latent scaling are taken over.

The ν of an exclusive latent is the one along its own direction: B's for B only, and A's (the
mirror) for A only. Shared latents are taken along B's, unless they are compared with A-only ones;
those between the classes along that of the source that they lean to, which writes the longer row.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xc.evaluate.decoder_pairs import OTHER, SHARED, members_of
from xc.evaluate.facts import Facts

FEWEST = 10
"""Latents that a correlation or a share needs."""
FEWEST_BEYOND = 5
"""Latents that have to lie beyond a quantile of them for its interval: which ones do is chance, and
leaving out rows cannot bring those that other rows would."""
FEWEST_REDRAWN = 60
"""Latents that it takes to redraw those beyond, where these are fewer."""

ERROR, RECONSTRUCTION = "nu_error", "nu_reconstruction"
NUS = (ERROR, RECONSTRUCTION)


@dataclass(frozen=True)
class Population:
    """A class of latents and the direction that their ν is along."""

    name: str
    """As it ends a metric's name: a_only, b_only, shared, other."""
    label: str
    """The class; `{p}` and `{q}` stand for the pair's letters."""
    side: int | None
    """0: along the second source's direction; 1: along the first's; None: along that of the source
    that a latent leans to."""

    def members(self, facts: Facts) -> np.ndarray:
        """bool [latent, pair]; needs `class`."""
        return members_of(facts, self.label)

    def nu(self, facts: Facts, name: str) -> np.ndarray:
        """ν of every latent along the direction, float64 [latent, pair]; needs `delta_norm` where
        that is the one a latent leans to. Of equal norms it leans to neither: NaN."""
        both = facts.values[name]
        if self.side is not None:
            column: np.ndarray = both[:, :, self.side]
            return column
        delta = facts.values["delta_norm"]
        leaning = [delta > 0.5, delta < 0.5]
        return np.select(leaning, [both[:, :, 0], both[:, :, 1]], np.nan)

    def turned(self, side: int | None) -> "Population":
        """The same latents along a direction."""
        return Population(self.name, self.label, side)


A_ONLY = Population("a_only", "{p}_only", 1)
B_ONLY = Population("b_only", "{q}_only", 0)
SHARED_LATENTS = Population(SHARED, SHARED, 0)
OTHERS = Population(OTHER, OTHER, None)
EXCLUSIVE = (A_ONLY, B_ONLY)


def by_pair(facts: Facts, function: Callable[[int], float]) -> np.ndarray:
    """`function(pair)` of every pair, float64 [pair]."""
    return np.array([function(i) for i in range(len(facts.pairs))], dtype=np.float64)


def known(*columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """The places where all columns are finite."""
    there = np.logical_and.reduce([np.isfinite(column) for column in columns])
    return tuple(column[there] for column in columns)
