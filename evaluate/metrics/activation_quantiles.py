"""Quantiles of a latent's activations where it fires: three metrics of one form."""

import numpy as np

from xc.evaluate.activation_sketch import RELATIVE_ERROR, merge_sketches, quantiles, sketch
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums


def _finish(percent: int) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        return quantiles(sums, percent, facts.decoder.d_sae)

    return finish


def _quantile(percent: int, meaning: str) -> Metric:
    return Metric(
        name=f"activation_p{percent}",
        scope=Scope.LATENT,
        reads=Pass.LATENTS,
        partial=sketch,
        combine=merge_sketches,
        finish=_finish(percent),
        bounds=(0.0, float("inf")),
        summary=f"Activation that {percent} % of a latent's activations do not exceed.",
        formula=(
            f"the f_j of rank ⌈{percent} %·n⌉ among the n held-out rows with f_j > 0, from bins of "
            f"a sixteenth of an octave: within {100 * RELATIVE_ERROR:.3g} % of the exact value."
        ),
        source="xc; bins of equal relative width as in DDSketch (Masson et al. 2019).",
        meaning=meaning,
        misleads=(
            "Of firing rows alone: a threshold that cuts weak activations off raises it. For a "
            "latent that fires on a handful of rows it is one of them."
        ),
        undefined="the latent is dead",
    )


METRICS = (
    _quantile(50, "How strongly it usually fires, when it does."),
    _quantile(90, "How strong a strong activation of it is; one odd row does not move it."),
    _quantile(99, "The top of its range, steadier than max_activation."),
)
