"""What a metric may know beside its own sums: the decoder, the settings, values found before it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from xc.evaluate.class_thresholds import MINDER, ClassThresholds
from xc.evaluate.decoder import Decoder


@dataclass(frozen=True)
class Facts:
    """Context of `finish`; a value, so that finishing stays pure."""

    decoder: Decoder
    """Weights as normalised in training."""
    seed: int = 0
    """Seed of random pairs and resamples."""
    thresholds: ClassThresholds = MINDER
    """Where the classes of latents are cut."""
    values: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Values of the metrics earlier in the table, by name."""

    def with_value(self, name: str, value: np.ndarray) -> "Facts":
        """These facts and one value more."""
        return replace(self, values={**self.values, name: value})

    def derived(
        self, name: object, of: np.ndarray, function: Callable[[], np.ndarray]
    ) -> np.ndarray:
        """What a function gives, found once for all who ask, and read-only.

        Args:
            name: what it is asked for by.
            of: the value of a metric that it follows from: of another one it is found anew.
            function: works it out.
        """
        if name not in self._derived or self._derived[name][0] is not of:
            found = function()
            found.setflags(write=False)
            self._derived[name] = of, found
        return self._derived[name][1]

    @cached_property
    def _derived(self) -> dict[object, tuple[np.ndarray, np.ndarray]]:
        return {}

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs of sources, in the order of the command line."""
        n = self.decoder.n_sources
        return tuple((p, q) for p in range(n) for q in range(p + 1, n))

    @property
    def alive(self) -> np.ndarray:
        """bool [latent]: fires on at least one held-out row; needs `frequency`."""
        mask: np.ndarray = self.values["frequency"] > 0
        return mask

    def generator(self, stream: int) -> np.random.Generator:
        """A generator of its own for each use, so that adding a metric moves no other."""
        return np.random.default_rng([self.seed, stream])
