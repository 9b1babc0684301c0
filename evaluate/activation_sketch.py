"""A mergeable sketch of every latent's activations: how many fall between neighbouring bounds.

Bounds are the float32 numbers of four bits behind the leading one: sixteen to an octave, the whole
range of float32. A bin is the upper bits of the number itself, so no logarithm is rounded, and
sketches of the same rows are equal to the bit however they were cut. Only bins that hold anything
are kept: at most one per activation, and in the long run some dozens per latent.
"""

import numpy as np

from xc.evaluate.metric import Sums
from xc.evaluate.row_block import RowBlock

KEYS, COUNTS = "keys", "counts"

RELATIVE_ERROR = 1 / 32
"""Of a quantile: half a bin's width over its lower bound, at most."""

_DROPPED = 19
"""Lower bits of a float32 that tell no bins apart."""
_BINS = 1 << (32 - _DROPPED)
"""Bins per latent."""


def sketch(block: RowBlock) -> dict[str, np.ndarray]:
    """Occupied bins of the rows: `keys` (latent·bins + bin, ascending) and their `counts`."""
    latents = block.latents
    bits = np.ascontiguousarray(latents.activation, dtype=np.float32).view(np.uint32)
    narrow = latents.d_sae * _BINS <= np.iinfo(np.int32).max
    keys: np.ndarray = latents.latent.astype(np.int32 if narrow else np.int64)
    keys *= _BINS
    keys += (bits >> _DROPPED).astype(np.int32)
    found, counts = np.unique(keys, return_counts=True)
    return {KEYS: found, COUNTS: _narrow(counts)}


def merge_sketches(left: Sums, right: Sums) -> dict[str, np.ndarray]:
    """Both together: the bins of the smaller are looked up in the larger."""
    small, large = sorted((left, right), key=lambda sums: len(sums[KEYS]))
    place = np.searchsorted(large[KEYS], small[KEYS])
    known = np.zeros(len(place), bool)
    inside = place < len(large[KEYS])
    known[inside] = large[KEYS][place[inside]] == small[KEYS][inside]
    counts = large[COUNTS].astype(np.int64)
    counts[place[known]] += small[COUNTS][known]
    new = ~known
    return {
        KEYS: np.insert(large[KEYS], place[new], small[KEYS][new]),
        COUNTS: _narrow(np.insert(counts, place[new], small[COUNTS][new])),
    }


def quantiles(sums: Sums, percent: int, d_sae: int) -> np.ndarray:
    """Activation that `percent` % of a latent's activations do not exceed, float64 [latent].

    The middle of the bin that holds the one of rank ⌈percent·n/100⌉ of n; NaN for a latent that
    never fires.
    """
    keys, counts = sums[KEYS].astype(np.int64), sums[COUNTS].astype(np.int64)
    latent = keys // _BINS
    fired = np.zeros(d_sae, np.int64)
    np.add.at(fired, latent, counts)
    before = np.cumsum(fired) - fired
    alive = np.flatnonzero(fired)
    rank = -(-percent * fired[alive] // 100)
    place = np.searchsorted(np.cumsum(counts), before[alive] + rank)
    out = np.full(d_sae, np.nan)
    out[alive] = _middle(keys[place] % _BINS)
    return out


def _middle(bins: np.ndarray) -> np.ndarray:
    """float64 between a bin's bounds."""
    edges = [(bins + side).astype(np.uint32) << _DROPPED for side in (0, 1)]
    low, high = (edge.astype(np.uint32).view(np.float32).astype(np.float64) for edge in edges)
    middle: np.ndarray = np.where(np.isfinite(high), (low + high) / 2, low)
    return middle


def _narrow(counts: np.ndarray) -> np.ndarray:
    """As int32 where all fit."""
    fits = len(counts) == 0 or counts.max() <= np.iinfo(np.int32).max
    return counts.astype(np.int32 if fits else np.int64)
