"""Any shape at all: nothing warns, nothing leaves its bounds, undefined is NaN."""

import numpy as np
from evaluating import ORACLES, Dense, assert_same, make_world
from hypothesis import given, settings
from hypothesis import strategies as st

from xc.evaluate.metrics import METRICS

UNSTEADY = ("nu_", "fve", "mse_improvement_ratio", "pwcca", "activation_similarity")
"""Of few rows they keep no digits: ratios of tiny numbers, weights of equal correlations."""

QUICK = [m for m in METRICS if m.name in ORACLES and not m.name.startswith(UNSTEADY)]


@settings(max_examples=25, deadline=None)
@given(
    n_rows=st.integers(1, 40),
    d_sae=st.integers(1, 12),
    widths=st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple),
    active=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    borders=st.lists(st.integers(0, 40), max_size=3),
    seed=st.integers(0, 1000),
)
def test_every_shape_is_measured_as_the_oracle_does(
    *,
    n_rows: int,
    d_sae: int,
    widths: tuple[int, ...],
    active: float,
    borders: list[int],
    seed: int,
) -> None:
    world = make_world(n_rows, d_sae, widths=widths, active=active, seed=seed)
    facts = world.facts(borders=[b for b in borders if b <= n_rows])
    for metric in METRICS:
        value = facts.values[metric.name]
        if value.dtype.kind != "U":
            known = value[~np.isnan(value)]
            assert ((known >= metric.bounds[0]) & (known <= metric.bounds[1])).all(), metric.name
    if len(widths) < 2:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        for metric in QUICK:
            assert_same(facts.values[metric.name], ORACLES[metric.name](Dense(world)), atol=1e-4)
