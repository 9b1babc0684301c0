"""What each class of latents contributes to sharedness: four metrics of one form."""

import numpy as np

from xc.evaluate.class_thresholds import OTHER, SHARED
from xc.evaluate.decoder_pairs import members_of
from xc.evaluate.entropy import mean_entropy
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums, Swap


def _contribution(label: str) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        members = members_of(facts, label)
        return mean_entropy(facts.values["mean_activation"], facts, members)

    return finish


def _metric(label: str) -> Metric:
    shown = label.format(p="a", q="b")
    return Metric(
        name=f"sharedness_from_{shown}",
        key=f"sharedness_from_{label}",
        scope=Scope.PER_PAIR,
        reads=Pass.NONE,
        finish=_contribution(label),
        needs=("frequency", "mean_activation", "rel_norm", "class"),
        swap=Swap.PARTNER if "{" in label else Swap.SAME,
        bounds=(0.0, 1.0),
        summary=f"Part of sharedness that latents of class {shown} contribute.",
        formula=f"Σ w_j H₂(rel_norm_j) over j of class {shown}, weights as in sharedness.",
        source="xc, after Becker et al., eq. 2.",
        meaning="The four parts add up to sharedness.",
        misleads="A class contributes little because it is small, weak, or one-sided: see counts.",
        undefined="no latent that fires writes to either source",
    )


METRICS = tuple(_metric(label) for label in (SHARED, "{p}_only", "{q}_only", OTHER))
