"""Entropies of relative decoder norms, and their mean over latents by any weights."""

import numpy as np

from xc.evaluate.facts import Facts


def plogp(share: np.ndarray) -> np.ndarray:
    """−n log₂ n, with 0 log 0 = 0; elementwise, NaN stays."""
    logs = np.log2(share, out=np.zeros_like(share), where=share > 0)
    found: np.ndarray = -share * logs
    return found


def binary_entropy(share: np.ndarray) -> np.ndarray:
    """−n log₂ n − (1−n) log₂(1−n), with 0 log 0 = 0; elementwise, NaN stays."""
    return np.asarray(plogp(share) + plogp(1 - share))


def mean_entropy(
    weights: np.ndarray, facts: Facts, members: np.ndarray | None = None
) -> np.ndarray:
    """Σ w H₂(rel_norm) / Σ w over the latents that fire, float64 [pair]; NaN if no weight is left.

    Latents whose both norms are zero have no entropy and count as 0.

    Args:
        weights: [latent], at least 0.
        facts: needs `frequency` and `rel_norm`.
        members: bool [latent, pair]: only these are summed above the line; None: all.
    """
    weights = weights * facts.alive
    total = weights.sum()
    if total == 0:
        return np.full(len(facts.pairs), np.nan)
    entropy = np.nan_to_num(binary_entropy(facts.values["rel_norm"]))
    entropy = entropy if members is None else entropy * members
    return np.asarray(np.clip(weights @ entropy / total, 0.0, 1.0))
