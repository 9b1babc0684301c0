"""Comparisons of two decoder rows of one latent: relative norms, classes, cosines."""

from collections.abc import Callable

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.letters import letter

SHARED, OTHER, DEAD = "shared", "other", "dead"


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
    a, b = p.astype(np.float64), q.astype(np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    raw = np.divide(np.vecdot(a, b), norms, out=np.full(len(a), np.nan), where=norms > 0)
    return np.asarray(np.clip(raw, -1.0, 1.0))


def class_count(facts: Facts, label: str) -> np.ndarray:
    """Latents of a class, int64 [pair]; `{p}`, `{q}` in the label stand for the pair's letters."""
    names = [label.format(p=letter(p), q=letter(q)) for p, q in facts.pairs]
    classes = facts.values["class"]
    counts = [np.count_nonzero(classes[:, i] == name) for i, name in enumerate(names)]
    return np.array(counts, dtype=np.int64)
