"""Sharedness: activation-weighted binary entropy of the relative decoder norms."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Weighted mean entropy of each pair; latents whose both norms are zero count as 0."""
    weights = facts.values["mean_activation"] * facts.alive
    total = weights.sum()
    if total == 0:
        return np.full(len(facts.pairs), np.nan)
    entropy = np.nan_to_num(binary_entropy(facts.values["rel_norm"]))
    return np.asarray(np.clip(weights @ entropy / total, 0.0, 1.0))


def binary_entropy(share: np.ndarray) -> np.ndarray:
    """−n log₂ n − (1−n) log₂(1−n), with 0 log 0 = 0; elementwise, NaN stays."""
    return np.asarray(plogp(share) + plogp(1 - share))


def plogp(share: np.ndarray) -> np.ndarray:
    """−n log₂ n, with 0 log 0 = 0; elementwise, NaN stays."""
    logs = np.log2(share, out=np.zeros_like(share), where=share > 0)
    found: np.ndarray = -share * logs
    return found


METRIC = Metric(
    name="sharedness",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("frequency", "mean_activation", "rel_norm"),
    bounds=(0.0, 1.0),
    summary=(
        "How evenly the active latents write to both sources: 1 when all decoder norms are equal."
    ),
    formula=(
        "Σ_j w_j H₂(rel_norm_j), H₂ the binary entropy in bits, w_j the latent's mean "
        "activation over their sum (Becker et al., eq. 2, completed: as printed, one term of "
        "the entropy is missing)."
    ),
    meaning="1: every latent in use belongs to both models alike; 0: every latent belongs to one.",
    misleads=(
        "The entropy is flat near ½ (rel_norm 0.4 still gives 0.97), and the weights depend on "
        "how f and ‖d‖ share their scale."
    ),
    undefined="no latent fires",
)
