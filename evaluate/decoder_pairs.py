"""Comparisons of two decoder rows of one latent: relative norms, classes, cosines."""

from collections.abc import Callable
from typing import Any

import numpy as np

from xc.evaluate import class_thresholds
from xc.evaluate.facts import Facts
from xc.evaluate.letters import letter

SHARED, OTHER, DEAD = class_thresholds.SHARED, class_thresholds.OTHER, class_thresholds.DEAD

_BLOCK = 4096
"""Rows that are held in float64 at a time."""


def over_pairs(function: Callable[[int, int], np.ndarray], facts: Facts) -> np.ndarray:
    """`function(p, q)` of every pair, stacked: [latent, pair]."""
    columns = [function(p, q) for p, q in facts.pairs]
    return np.stack(columns, axis=1) if columns else np.zeros((facts.decoder.d_sae, 0))


def relative_norm(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """‖q‖/(‖p‖+‖q‖); NaN where both are zero."""
    total = p + q
    share = np.divide(q, total, out=np.full_like(q, np.nan), where=total > 0)
    return np.asarray(share)


def norm_difference(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """½((‖q‖−‖p‖)/max+1); NaN where both are zero."""
    larger = np.maximum(p, q)
    share = np.divide(q - p, larger, out=np.full_like(q, np.nan), where=larger > 0)
    difference: np.ndarray = 0.5 * (share + 1)
    return difference


def cosines(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Cosine of each row of p with the same row of q; NaN where a norm is zero.

    Args:
        p: [n, d_model].
        q: [n, d_model].
    """
    parts = range(0, len(p), _BLOCK)
    found = [_cosines(p[i : i + _BLOCK], q[i : i + _BLOCK]) for i in parts]
    return np.concatenate(found) if found else np.zeros(0)


def _cosines(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    a, b = p.astype(np.float64), q.astype(np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    raw = np.divide(np.vecdot(a, b), norms, out=np.full(len(a), np.nan), where=norms > 0)
    return np.asarray(np.clip(raw, -1.0, 1.0))


def of_shared(facts: Facts, column: str) -> np.ndarray:
    """A column of the shared latents, [latent, pair]; NaN for all others."""
    return np.where(facts.values["class"] == SHARED, facts.values[column], np.nan)


def medians(members: np.ndarray) -> np.ndarray:
    """Median of each column of [latent, pair] over what is known, float64 [pair]; NaN of none."""
    return np.array([_over_known(part, np.median) for part in members.T])


def _over_known(values: np.ndarray, function: Callable[[np.ndarray], Any]) -> float:
    known = values[~np.isnan(values)]
    return float(function(known)) if len(known) else float("nan")


def class_count(facts: Facts, label: str) -> np.ndarray:
    """Latents of a class, int64 [pair]; `{p}`, `{q}` in the label stand for the pair's letters.

    NaN for a class that the thresholds do not cut.
    """
    if "{" in label and facts.thresholds.exclusive is None:
        return np.full(len(facts.pairs), np.nan)
    return np.asarray(np.count_nonzero(members_of(facts, label), axis=0))


def members_of(facts: Facts, label: str) -> np.ndarray:
    """`of_class` by the metric `class`; many metrics ask, and it compares words."""
    classes = facts.values["class"]
    return facts.derived(("class", label), classes, lambda: of_class(facts, label, classes))


def of_class(facts: Facts, label: str, classes: np.ndarray) -> np.ndarray:
    """Which latents are of a class, bool [latent, pair].

    Args:
        facts: for the pairs.
        label: `{p}` and `{q}` stand for the pair's letters.
        classes: labels [latent, pair].
    """
    names = [label.format(p=letter(p), q=letter(q)) for p, q in facts.pairs]
    members: np.ndarray = classes == np.array(names, dtype=str).reshape(1, -1)
    return members


def classify(facts: Facts, values: np.ndarray) -> np.ndarray:
    """Labels [latent, pair] by the thresholds of the facts.

    Args:
        facts: needs `frequency`.
        values: the measure that the thresholds cut, [latent, pair].
    """
    columns = [
        facts.thresholds.classify(values[:, i], facts.alive, p=letter(p), q=letter(q))
        for i, (p, q) in enumerate(facts.pairs)
    ]
    return np.stack(columns, axis=1) if columns else np.zeros((facts.decoder.d_sae, 0), "U1")
