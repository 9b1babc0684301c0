"""How many latents fall into each class by norms per dimension: four metrics of one form."""

import numpy as np

from xc.evaluate.class_thresholds import NO_EXCLUSIVE, OTHER, SHARED
from xc.evaluate.decoder_pairs import classify, of_class
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums, Swap


def _counting(label: str) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        if "{" in label and facts.thresholds.exclusive is None:
            return np.full(len(facts.pairs), np.nan)
        cut = facts.values[f"{facts.thresholds.measure}_rms"]
        classes = facts.derived("class by norms per dimension", cut, lambda: classify(facts, cut))
        return np.asarray(np.count_nonzero(of_class(facts, label, classes), axis=0))

    return finish


def _count(name: str, label: str, *, key: str = "") -> Metric:
    return Metric(
        name=name,
        key=key,
        scope=Scope.PER_PAIR,
        reads=Pass.NONE,
        finish=_counting(label),
        needs=("rel_norm_rms", "delta_norm_rms", "frequency"),
        swap=Swap.PARTNER if key else Swap.SAME,
        bounds=(0.0, float("inf")),
        summary=f"As {name.removesuffix('_rms')}, by decoder norms divided by √d_model.",
        formula=(
            f"#{{j : j is {label.format(p='a', q='b')} by delta_norm_rms}}, cut as the classes are "
            "by delta_norm."
        ),
        source="xc, after Minder et al., figure 1c.",
        meaning=(
            "The count to read between sources of unequal width that mean_norm normalised; at "
            "equal widths the same number."
        ),
        misleads="Assumes a normalisation to lengths of √d_model; otherwise read the plain count.",
        undefined=NO_EXCLUSIVE,
    )


METRICS = (
    _count("n_shared_rms", SHARED),
    _count("n_a_only_rms", "{p}_only", key="n_{p}_only_rms"),
    _count("n_b_only_rms", "{q}_only", key="n_{q}_only_rms"),
    _count("n_other_rms", OTHER),
)
