"""Shares of latents whose ν lies in the central part of the shared latents': what they are of."""

from dataclasses import dataclass

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.populations import SHARED_LATENTS, Population


@dataclass(frozen=True)
class Overlap:
    """A class of latents, a ν, and the part of the shared latents' that it is held to."""

    own: Population
    """Whose latents are looked at; all ν are along its direction."""
    nu: str
    """Name of the ν."""
    percent: int
    """Central per cent of the shared latents."""

    @property
    def shared(self) -> Population:
        """The latents that it is held to."""
        return SHARED_LATENTS.turned(self.own.side)

    @property
    def tail(self) -> float:
        """What of the shared latents is beyond either end."""
        return (1 - self.percent / 100) / 2

    def n_shared(self, facts: Facts) -> np.ndarray:
        """How many shared latents have a ν, [pair]."""
        known = np.isfinite(self.shared.nu(facts, self.nu)) & self.shared.members(facts)
        return np.asarray(np.count_nonzero(known, axis=0))

    def beyond(self, facts: Facts) -> np.ndarray:
        """How many of these lie beyond either end, [pair]."""
        return np.asarray(self.n_shared(facts) * self.tail)
