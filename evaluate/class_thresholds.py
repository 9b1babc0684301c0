"""Where the classes of latents are cut: named sets of the literature, or one's own numbers."""

from dataclasses import dataclass

import numpy as np

from xc.store_schema import RequestError, suggestion

SHARED, OTHER, DEAD = "shared", "other", "dead"

EXCLUSIVE = 0.1
"""Minder's distance of delta_norm from 0 or 1 within which a latent belongs to one source."""
WITHIN = 0.1
"""Minder's distance from ½ within which it is shared."""


@dataclass(frozen=True)
class ClassThresholds:
    """Cuts through a measure that is 0 for A only, ½ for equal norms and 1 for B only."""

    measure: str
    """delta_norm or rel_norm."""
    within: float
    """Closer than this to ½: shared."""
    exclusive: float | None
    """Closer than this to 0 or 1: one source's own; None: the set states no such cut."""
    name: str = ""
    """Of a set of the literature."""

    def classify(self, values: np.ndarray, alive: np.ndarray, *, p: str, q: str) -> np.ndarray:
        """A label per latent [latent].

        Args:
            values: of the measure, float64 [latent]; NaN is other.
            alive: bool [latent]; the rest is dead.
            p: letter of the source at 0.
            q: letter of the source at 1.
        """
        own = -1.0 if self.exclusive is None else self.exclusive
        conditions = [~alive, values < own, values > 1 - own, np.abs(values - 0.5) < self.within]
        return np.select(conditions, [DEAD, f"{p}_only", f"{q}_only", SHARED], OTHER)

    def summary(self) -> dict[str, float | None]:
        """Keys of summary.json: both distances in delta_norm, whatever the measure."""
        return {
            "class_threshold_exclusive": self.exclusive,
            "class_threshold_shared": 0.5 - self.delta_norm(0.5 - self.within),
        }

    def not_measured(self) -> dict[str, str]:
        """Why one of them is null, by key."""
        return {} if self.exclusive is not None else {"class_threshold_exclusive": NO_EXCLUSIVE}

    def delta_norm(self, value: float) -> float:
        """The delta_norm of a latent whose measure is this, for values up to ½."""
        return value if self.measure == "delta_norm" else 0.5 * value / (1 - value)

    def ratios(self) -> tuple[float, float | None]:
        """Smaller norm over larger norm: shared above the first, exclusive below the second."""
        cuts = (0.5 - self.within, self.exclusive)
        shared, own = (None if c is None else 2 * self.delta_norm(c) for c in cuts)
        return shared or 0.0, own


NO_EXCLUSIVE = "the class thresholds state no cut for the latents of one source"

MINDER = ClassThresholds("delta_norm", WITHIN, EXCLUSIVE, "minder")
"""Minder et al.: delta_norm below 0.1, above 0.9, within 0.1 of ½."""
KISSANE = ClassThresholds("rel_norm", 0.2, None, "kissane")
"""Kissane et al. take latents of 0.3 < rel_norm < 0.7 as shared and state no cut for the others."""

NAMED = {"minder": MINDER, "kissane": KISSANE}


def class_thresholds(text: str) -> ClassThresholds:
    """The set of a name, or of `EXCLUSIVE,WITHIN`, two distances on delta_norm.

    Raises:
        RequestError: for another name, or numbers that are no distances or whose classes overlap.
    """
    if text in NAMED:
        return NAMED[text]
    try:
        exclusive, within = (float(word) for word in text.split(","))
    except ValueError as error:
        raise RequestError(
            f"class_thresholds: expected minder, kissane or two numbers such as 0.1,0.1 "
            f"(exclusive, shared); got '{text}'{suggestion(text, NAMED)}"
        ) from error
    if not (exclusive >= 0 and within >= 0 and exclusive + within <= 0.5):
        raise RequestError(
            "class_thresholds: expected two distances on delta_norm, from 0 or 1 and from ½, that "
            f"together are at most 0.5; got {text}"
        )
    return ClassThresholds("delta_norm", within, exclusive)
