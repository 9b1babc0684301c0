"""Twins: latents of one source alone whose directions are alike, and how unlike they fire."""

from itertools import permutations

import numpy as np
from planted_dictionary import NAN, Planted, Values, median, row_cosines
from scipy.optimize import linear_sum_assignment

TWIN_COSINE = 0.9
APART = {"": (0.7, 0.3), "_04_01": (0.4, 0.1)}
"""High and low, by the end of a key."""


def twins(p: Planted) -> Values:
    """Keys of twins in summary.json, and their median cosine.

    False twins are every latent with the twin of every other.
    """
    out: Values = {}
    v = p.f * p.norms.sum(axis=1)
    for i, j, name in p.pairs:
        if p.W[i].shape == p.W[j].shape:
            found = _twins(p.W[i], p.W[j], [p.classes[i, j] == kind for kind in "pq"], v)
            out |= {name(key): value for key, value in found.items()}
    return out


def _twins(a: np.ndarray, b: np.ndarray, kinds: list[np.ndarray], v: np.ndarray) -> Values:
    own, others = (np.flatnonzero(kind) for kind in kinds)
    cosines = np.array([row_cosines(np.tile(a[i], (len(others), 1)), b[others]) for i in own])
    close = np.where(cosines > TWIN_COSINE, cosines, 0.0).reshape(len(own), len(others))
    best = [(i, k) for i, k in zip(*linear_sum_assignment(-close), strict=True) if close[i, k] > 0]
    out: Values = {"n_twins": len(best), "n_twins_greedy": len(_greedy(close))}
    pairs = [(own[i], others[k]) for i, k in best]
    false = [(first[0], other[1]) for first, other in permutations(pairs, 2)]
    for end, (high, low) in APART.items():
        for key, of in (("twin", pairs), ("false_twin", false)):
            found = np.array([_divergence(v[:, i], v[:, k], high, low) for i, k in of])
            out[f"{key}_divergence_median{end}"] = median(found)
    return {**out, "twin_cosine_median": median(np.array([close[at] for at in best]))}


def _greedy(close: np.ndarray) -> list[tuple[int, int]]:
    left, out = close.copy(), []
    while left.size and left.max() > 0:
        i, k = np.unravel_index(left.argmax(), left.shape)
        out.append((int(i), int(k)))
        left[i], left[:, k] = 0, 0
    return out


def _divergence(v: np.ndarray, w: np.ndarray, high: float, low: float) -> float:
    largest = max(v.max(), w.max())
    v, w = v / largest, w / largest
    either = (v > high) | (w > high)
    apart = ((v > high) & (w <= low)) | ((w > high) & (v <= low))
    return float(apart.sum() / either.sum()) if either.any() else NAN
