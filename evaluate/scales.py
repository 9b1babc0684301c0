"""Scales on which a number that cannot be everywhere varies alike wherever it is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

OnArray = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Scale:
    """A change of numbers that keeps their order, and the way back."""

    there: OnArray
    """May be infinite at an end."""
    back: OnArray
    """Of any number, also of one beyond what `there` gives: never past an end."""
    distance: OnArray
    """From the nearest end beyond or towards which `there` has none; infinite otherwise."""


def scale(bounds: tuple[float, float]) -> Scale:
    """What makes the error of a number depend on its value the least, by what the number can be.

    With one end, the square root of the distance from it, as for counts; with two, the arcsine of
    the root of the share of the way, as for shares (Anscombe 1948); where 0 is between them, as it
    is of coefficients of correlation, Fisher's z, ½ ln((1 + r)/(1 − r)). Without ends as it is.
    """
    low, high = bounds
    if np.isinf(low):
        return _UNCHANGED if np.isinf(high) else _below(high)
    if np.isinf(high):
        return _above(low)
    return _coefficient(low, high) if low < 0 else _share(low, high)


_UNCHANGED = Scale(np.asarray, np.asarray, lambda x: np.full(np.shape(x), np.inf))


def _above(low: float) -> Scale:
    return Scale(
        lambda x: np.sqrt(np.maximum(x - low, 0)),
        lambda y: low + np.square(np.maximum(y, 0)),
        lambda x: x - low,
    )


def _below(high: float) -> Scale:
    return Scale(
        lambda x: -np.sqrt(np.maximum(high - x, 0)),
        lambda y: high - np.square(np.minimum(y, 0)),
        lambda x: high - x,
    )


def _share(low: float, high: float) -> Scale:
    def there(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.arcsin(np.sqrt(np.clip((x - low) / (high - low), 0, 1))))

    def back(y: np.ndarray) -> np.ndarray:
        return np.asarray(low + (high - low) * np.square(np.sin(np.clip(y, 0, np.pi / 2))))

    return Scale(there, back, _UNCHANGED.distance)  # bounded, and so is what it can add


def _coefficient(low: float, high: float) -> Scale:
    middle, half = (low + high) / 2, (high - low) / 2
    return Scale(
        lambda x: np.arctanh(np.clip((x - middle) / half, -1, 1)),
        lambda y: middle + half * np.tanh(y),
        lambda x: np.minimum(x - low, high - x),
    )
