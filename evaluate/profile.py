"""A latent's decoder norms over all sources: where it is, where it peaks, where it begins.

Norms are those per dimension, so that sources of unequal width compare; a latent without any norm
has no profile, nor has a source that stands alone.
"""

import numpy as np

from xc.evaluate.facts import Facts

PRESENT = 0.5
"""Share of a latent's largest norm from which on it counts as present in a source."""


def profile(facts: Facts) -> np.ndarray:
    """Norms over the latent's largest, float64 [latent, source]; NaN without a profile."""
    norms = facts.decoder.norms_rms
    largest = norms.max(axis=1, keepdims=True)
    if norms.shape[1] < 2:
        return np.full_like(norms, np.nan)
    return np.asarray(np.divide(norms, largest, out=np.full_like(norms, np.nan), where=largest > 0))


def present(facts: Facts, share: float = PRESENT) -> np.ndarray:
    """Whether a latent is in a source, bool [latent, source]; nowhere without a profile."""
    return np.asarray(profile(facts) >= share)


def known(facts: Facts) -> np.ndarray:
    """Latents with a profile, bool [latent]."""
    return np.asarray(~np.isnan(profile(facts)[:, 0]))


def first(where: np.ndarray, has: np.ndarray) -> np.ndarray:
    """Number of the first source where it is True, float64 [latent]; NaN where `has` is False.

    Args:
        where: bool [latent, source].
        has: bool [latent].
    """
    return np.asarray(np.where(has, where.argmax(axis=1), np.nan))


def counted(facts: Facts, where: np.ndarray) -> np.ndarray:
    """Latents that fire, by source, int64 [source]; NaN for a source alone.

    Args:
        facts: needs `frequency`.
        where: bool [latent, source].
    """
    if facts.decoder.n_sources < 2:
        return np.full(1, np.nan)
    return np.asarray(np.count_nonzero(where[facts.alive], axis=0))
