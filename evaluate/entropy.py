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

    Latents that write to neither source of a pair (another source's own, of a partition) have no
    entropy there and take no part, so that sources that are equal share all that they have.

    Args:
        weights: [latent], or [latent, pair] where pairs weigh otherwise; at least 0.
        facts: needs `frequency` and `rel_norm`.
        members: bool [latent, pair]: only these are summed above the line; None: all.
    """
    entropy = binary_entropy(facts.values["rel_norm"])
    taking_part = facts.alive[:, None] & ~np.isnan(entropy)
    weights = weights.reshape(len(entropy), -1) * taking_part
    entropy = np.nan_to_num(entropy) * (1 if members is None else members)
    total, shared = weights.sum(axis=0), (weights * entropy).sum(axis=0)
    found = np.divide(shared, total, out=np.full_like(total, np.nan), where=total > 0)
    return np.asarray(np.clip(found, 0.0, 1.0))
