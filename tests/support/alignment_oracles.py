"""Dense oracles of the alignment of decoders over sets of latents, by pseudo-inverses."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import numpy as np


class Decoders(Protocol):
    """What the oracles read of a dense world."""

    @property
    def pairs(self) -> list[tuple[int, int]]: ...

    def d(self, m: int) -> np.ndarray: ...

    def classes(self, p: int, q: int) -> np.ndarray: ...


Chosen = Callable[[Decoders, int, int], np.ndarray]


def every(dense: Decoders, p: int, q: int) -> np.ndarray:
    return np.ones(len(dense.d(p)), bool)


def shared(dense: Decoders, p: int, q: int) -> np.ndarray:
    return dense.classes(p, q) == "shared"


def aligned(dense: Decoders, *, chosen: Chosen, end: str) -> np.ndarray:
    """Of every pair over the chosen latents: the value, its chance level, or what is beyond."""
    found = [_pair(dense, p, q, chosen(dense, p, q)) for p, q in dense.pairs]
    return np.array([dict(zip(ENDS, numbers, strict=True))[end] for numbers in found])


def _pair(dense: Decoders, p: int, q: int, latents: np.ndarray) -> tuple[float, float, float]:
    nan = float("nan")
    if latents.sum() < 2:
        return nan, nan, nan
    rows = [dense.d(m)[latents] - dense.d(m)[latents].mean(axis=0) for m in (p, q)]
    ranks = [int(np.linalg.matrix_rank(r)) for r in rows]
    if min(ranks) == 0:
        return nan, nan, nan
    first, second = (r @ np.linalg.pinv(r) for r in rows)
    value = float(np.trace(first @ second) / min(ranks))
    left = latents.sum() - 1 - max(ranks)  # of the dimensions that unrelated decoders do not fill
    chance = max(ranks) / (latents.sum() - 1)
    return value, chance, 1 - (1 - value) * (latents.sum() - 1) / left if left else nan


ENDS = ("", "_chance", "_adjusted")
ALIGNMENTS: dict[str, Callable[[Decoders], np.ndarray]] = {
    f"alignment_{name}{end}": partial(aligned, chosen=chosen, end=end)
    for name, chosen in (("all", every), ("shared", shared))
    for end in ENDS
}
