"""Relative decoder norm per dimension, for sources of unequal width."""

import numpy as np

from xc.evaluate.decoder_pairs import over_pairs, relative_norm
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Pass, Scope, Sums, Swap


def finish(sums: Sums, facts: Facts) -> np.ndarray:
    """rms(d_q)/(rms(d_p)+rms(d_q)) of each pair."""
    norms = facts.decoder.norms_rms
    return over_pairs(lambda p, q: relative_norm(norms[:, p], norms[:, q]), facts)


METRIC = Metric(
    name="rel_norm_rms",
    scope=Scope.LATENT_PAIR,
    reads=Pass.NONE,
    finish=finish,
    swap=Swap.COMPLEMENT,
    bounds=(0.0, 1.0),
    summary="rel_norm with each decoder norm divided by √d_model; the same at equal widths.",
    formula="r_B / (r_A + r_B), r_m = ‖d_m‖/√d_model_m.",
    source="xc, after Becker et al., eq. 1.",
    meaning=(
        "Where normalisation brings each source to a length of √d_model (mean_norm), a latent that "
        "both hold alike has ½ whatever the widths; its plain rel_norm is off by their ratio."
    ),
    misleads="Where training scaled the sources otherwise, it is the plain rel_norm that is ½.",
    undefined="both decoder rows are zero",
)
