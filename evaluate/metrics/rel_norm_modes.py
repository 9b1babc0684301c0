"""The three modes of the relative norms, in numbers: three metrics of one form."""

from collections.abc import Callable

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums, Swap

CUT = 0.25
"""Modes are told apart a quarter from either end: one norm three times the other."""

Which = Callable[[np.ndarray], np.ndarray]


def _share(which: Which) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        alive = facts.values["rel_norm"][facts.alive]
        return np.array([_mean(which, column[~np.isnan(column)]) for column in alive.T])

    return finish


def _mean(which: Which, values: np.ndarray) -> float:
    return float(which(values).mean()) if len(values) else float("nan")


def _mode(name: str, key: str, which: Which, formula: str, what: str) -> Metric:
    return Metric(
        name=name,
        key=key,
        scope=Scope.PER_PAIR,
        reads=Pass.NONE,
        finish=_share(which),
        needs=("rel_norm", "frequency"),
        swap=Swap.PARTNER if key else Swap.SAME,
        bounds=(0.0, 1.0),
        summary=f"Share of the latents that fire whose decoder norm is {what}.",
        formula=f"#{{j alive : {formula}}} / #{{j alive}}.",
        source="The three modes: Lindsey et al. 2024, Becker et al.; the cuts: xc.",
        meaning=(
            "The weight of one of the three humps in the histogram of relative norms (figure 4 of "
            "Becker et al.): every latent is in one of them, which the classes with their "
            "narrower cuts are not."
        ),
        misleads="Says how many lie there, not that they form a hump of their own: look at it.",
        undefined="no latent fires, or all that fire have zero decoder rows",
    )


METRICS = (
    _mode(
        "rel_norm_mode_a",
        "rel_norm_mode_{p}",
        lambda r: r < CUT,
        "rel_norm < ¼",
        "at least three times as large in A",
    ),
    _mode(
        "rel_norm_mode_middle",
        "",
        lambda r: (r >= CUT) & (r <= 1 - CUT),
        "¼ ≤ rel_norm ≤ ¾",
        "less than three times apart",
    ),
    _mode(
        "rel_norm_mode_b",
        "rel_norm_mode_{q}",
        lambda r: r > 1 - CUT,
        "rel_norm > ¾",
        "at least three times as large in B",
    ),
)
