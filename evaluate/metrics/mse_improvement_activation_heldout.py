"""How much of the activations a latent explains, out of sample: metrics of one form."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.halves import (
    MISLEADS,
    UNDEFINED,
    Before,
    Numerator,
    heldout_improvement,
    sums_in_halves,
)
from xc.evaluate.latent_scaling import (
    across,
    activation_before,
    activation_numerator,
    activation_sums,
    no_bias_before,
    no_bias_numerator,
)
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums
from xc.evaluate.metrics.mse_improvement_activation import SHARE_OF_ALL
from xc.evaluate.row_block import RowBlock


def partial(block: RowBlock) -> Sums:
    """The sums of the values in sample, over the block and over its odd sequences."""
    return sums_in_halves(block, activation_sums)


def _share(numerator: Numerator, before: Before) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        """Relative improvement, mean of both ways."""
        return across(heldout_improvement(sums, facts, numerator=numerator, before=before), facts)

    return finish


def _improvement(end: str, finish: Finish, *, mean: str) -> Metric:
    of = f"mse_improvement_activation{end}"
    return Metric(
        name=f"{of}_heldout",
        scope=Scope.LATENT_SOURCE_DIRECTION,
        reads=Pass.ROWS,
        partial=partial,
        finish=finish,
        bounds=(-float("inf"), 1.0),
        summary=f"As {of}, with β from one half of the sequences, judged on the other.",
        formula=(
            f"(before − after)/before as in {of} over the held-out sequences of one parity (by "
            "their number), β fitted on those of the other: after = before − 2β Σ f⟨y, d⟩ + "
            "β² Σ f²‖d‖²; mean of both ways."
        ),
        source="xc, after Minder et al., A.7.",
        meaning=(
            "What β is worth on text that it was not fitted on; below 0 where all of it was fitted "
            "to noise."
        ),
        misleads=f"{SHARE_OF_ALL.format(mean=mean)} {MISLEADS}",
        undefined=UNDEFINED,
    )


METRICS = (
    _improvement("", _share(activation_numerator, activation_before), mean="its mean and "),
    _improvement("_no_bias", _share(no_bias_numerator, no_bias_before), mean=""),
)
