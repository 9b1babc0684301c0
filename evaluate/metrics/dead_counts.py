"""The field's other definitions of a dead latent, beside that of never firing (`n_dead`)."""

import numpy as np

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Finish, Metric, Pass, Scope, Sums
from xc.evaluate.row_block import RowBlock

WEAK = 1e-4
"""Minder's bound on v."""


def rows(block: RowBlock) -> Sums:
    """Rows."""
    return {"rows": np.array([float(block.n_rows)])}


def weak(sums: Sums, facts: Facts) -> np.ndarray:
    """Latents whose v = f·Σ‖d‖ is at most 10⁻⁴ on every row; NaN without rows."""
    largest = facts.values["max_activation"] * facts.decoder.norms.sum(axis=1)
    if np.isnan(largest).any():
        return np.asarray(np.nan)
    return np.asarray(np.count_nonzero(largest <= WEAK))


def _rarer(exponent: int) -> Finish:
    def finish(sums: Sums, facts: Facts) -> np.ndarray:
        if sums["rows"][0] < 10**exponent:
            return np.asarray(np.nan)
        return np.asarray(np.count_nonzero(facts.values["frequency"] < 10.0**-exponent))

    return finish


def _rare(exponent: int, whose: str, source: str) -> Metric:
    return Metric(
        name=f"n_rarer_1e-{exponent}",
        scope=Scope.SCALAR,
        reads=Pass.LATENTS,
        partial=rows,
        finish=_rarer(exponent),
        needs=("frequency",),
        rarer_than=10.0**-exponent,
        bounds=(0.0, float("inf")),
        summary=f"Number of latents that fire on less than one held-out row in 10^{exponent}.",
        formula=f"#{{j : frequency_j < 10^-{exponent}}}, those that never fire included.",
        source=source,
        meaning=f"Dead or all but dead, {whose}.",
        misleads=(
            "As good as its rows: near the bound a latent has fired once or twice, and a topic "
            "that the held-out text lacks makes its latents rare."
        ),
        undefined=(
            f"it is over fewer than 10^{exponent} held-out rows, and one row would be more than "
            "that share"
        ),
    )


N_WEAK = Metric(
    name="n_dead_minder",
    scope=Scope.SCALAR,
    reads=Pass.NONE,
    finish=weak,
    needs=("max_activation",),
    bounds=(0.0, float("inf")),
    summary="Number of latents that fire nowhere, or so weakly that Minder's code calls them dead.",
    formula=(
        "#{j : v_j ≤ 10⁻⁴ on every held-out row}, v = f·Σ_m‖d^m‖ (Minder et al., for crosscoders "
        "trained with L1)."
    ),
    source="Minder et al.'s code for L1.",
    meaning="n_dead and the latents that L1 shrank to almost nothing without reaching zero.",
    misleads="10⁻⁴ has no unit: what it means depends on the size of the activations.",
)

METRICS = (
    N_WEAK,
    _rare(
        5,
        "by the bound below which density histograms of SAEs show a cluster of its own",
        "xc, after the densities of Bricken et al. 2023.",
    ),
    _rare(6, "by a bound that is in use for SAEs", "In common use."),
    _rare(
        7,
        "about the rule of Templeton et al.: no activation in 10 million tokens",
        "Templeton et al. 2024.",
    ),
)
