"""Sharedness weighted by what latents write, v = f·Σ‖d‖."""

import numpy as np

from xc.evaluate.entropy import mean_entropy
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """Weighted mean entropy of each pair."""
    norms = facts.decoder.norms
    p, q = np.array(facts.pairs, dtype=np.int64).reshape(-1, 2).T
    written = norms[:, p] + norms[:, q]
    return mean_entropy(facts.values["mean_activation"][:, None] * written, facts)


METRIC = Metric(
    name="sharedness_v",
    scope=Scope.PER_PAIR,
    reads=Pass.NONE,
    finish=finish,
    needs=("frequency", "mean_activation", "rel_norm"),
    bounds=(0.0, 1.0),
    summary="Sharedness with each latent weighted by what it writes, v = f·Σ‖d‖, in place of f.",
    formula=(
        "Σ_j w_j H₂(rel_norm_j), w_j the mean over rows of f_j·(‖d_j^A‖ + ‖d_j^B‖), over their sum."
    ),
    source="xc, after Becker et al., eq. 2, with the activations that Minder et al. scale.",
    meaning=(
        "As sharedness, and the same however f and ‖d‖ share their scale (f·c, d/c): the form to "
        "compare crosscoders of different code norm by."
    ),
    misleads=(
        "Latents that write to both sources have larger Σ‖d‖, hence weigh more: it lies above "
        "sharedness for that reason alone where directions have one length."
    ),
    undefined="no latent fires, or none that does writes anything",
)
