"""How many latents fall into each class: five metrics of one form."""

import numpy as np

from xc.evaluate.class_thresholds import DEAD, NO_EXCLUSIVE, OTHER, SHARED
from xc.evaluate.decoder_pairs import class_count
from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums, Swap


def _counting(label: str) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        return class_count(facts, label)

    return finish


def _count(name: str, label: str, what: str, *, key: str = "") -> Metric:
    return Metric(
        name=name,
        key=key,
        scope=Scope.PER_PAIR,
        reads=Pass.NONE,
        finish=_counting(label),
        needs=("class",),
        swap=Swap.PARTNER if key else Swap.SAME,
        bounds=(0.0, float("inf")),
        summary=f"Number of latents {what}.",
        formula=f"#{{j : class of j is {label.format(p='a', q='b')}}}.",
        source="Minder et al., figure 1c.",
        meaning="To be read beside the other classes and the number of latents.",
        misleads="Comparable between crosscoders of equal d_sae, sparsity and l0 only.",
        undefined=NO_EXCLUSIVE,
    )


def _dead(sums: Sums, facts: Facts) -> np.ndarray:
    return np.asarray(np.count_nonzero(~facts.alive))


N_DEAD = Metric(
    name="n_dead",
    scope=Scope.SCALAR,
    reads=Pass.NONE,
    finish=_dead,
    needs=("frequency",),
    bounds=(0.0, float("inf")),
    summary="Number of latents that never fire on held-out rows.",
    formula=f"#{{j : class of j is {DEAD}}}.",
    source="In common use; Minder et al.'s code for BatchTopK.",
    meaning="Latents that no other count includes.",
    misleads="With few held-out rows, rare latents count as dead.",
)

METRICS = (
    _count("n_shared", SHARED, "with decoder norms within a fifth of each other"),
    _count("n_a_only", "{p}_only", "that write to A only", key="n_{p}_only"),
    _count("n_b_only", "{q}_only", "that write to B only", key="n_{q}_only"),
    _count("n_other", OTHER, "between the classes"),
    N_DEAD,
)
