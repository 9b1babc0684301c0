"""Birth: the first source, in the order of the command line, in which a latent has grown so far."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums, Swap
from xc.evaluate.profile import counted, first, known, present

_ALONE = "the source stands alone"


def _born(percent: int) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        return first(present(facts, percent / 100), known(facts))

    return finish


def _by_source(name: str) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        return counted(facts, facts.values[name][:, None] == np.arange(facts.decoder.n_sources))

    return finish


def _column(percent: int) -> Metric:
    return Metric(
        name=f"birth_source_{percent}",
        scope=Scope.LATENT,
        reads=Pass.NONE,
        finish=_born(percent),
        swap=Swap.OTHER,
        bounds=(0.0, float("inf")),
        summary=(
            f"The first source, counted from 0, in which the latent's decoder norm reaches "
            f"{percent} % of its largest."
        ),
        formula=f"min {{m : ‖d_m‖/√d_model_m ≥ {percent} % of the largest over sources}}.",
        source="xc; decoder norms over sources as Lindsey et al. 2024 read them over layers.",
        meaning=(
            "With snapshots of one training as sources, in their order: when the feature was born; "
            "with layers, where."
        ),
        misleads=(
            "Means something only where the sources stand in an order. A feature that turns to "
            "another direction keeps its latent only if one latent can write both."
        ),
        undefined=f"all its decoder rows are zero, or {_ALONE}",
    )


def _count(percent: int) -> Metric:
    return Metric(
        name=f"n_birth_{percent}",
        scope=Scope.PER_SOURCE,
        reads=Pass.NONE,
        finish=_by_source(f"birth_source_{percent}"),
        needs=("frequency", f"birth_source_{percent}"),
        swap=Swap.OTHER,
        bounds=(0.0, float("inf")),
        summary=f"Number of latents that fire and are born in the source, by {percent} %.",
        formula=f"#{{j alive : birth_source_{percent}_j = m}}.",
        source="xc; decoder norms over sources as Lindsey et al. 2024 read them over layers.",
        meaning="Over snapshots: how many features each stretch of training added.",
        misleads="The first source counts all that were there before, not only what it added.",
        undefined=_ALONE,
    )


METRICS = tuple(made(percent) for made in (_column, _count) for percent in (10, 50))
