"""Any shape at all: nothing warns, nothing leaves its bounds, undefined is NaN."""

import re

import numpy as np
from classed import make_classed
from evaluating import ORACLES, Dense, assert_same, make_world
from hypothesis import given, settings
from hypothesis import strategies as st

from xc.evaluate.metric import Scope
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


BY_CLASS = [
    m.name
    for m in METRICS
    if re.search("_(overlap|spearman|pearson)_", m.name) and m.scope is Scope.PER_PAIR
]


@settings(max_examples=10, deadline=None)
@given(
    n_rows=st.integers(40, 80),
    d_sae=st.integers(90, 120),
    n=st.integers(2, 3),
    borders=st.lists(st.integers(0, 40), max_size=3),
    seed=st.integers(0, 1000),
)
def test_statistics_of_large_classes_are_as_the_oracle_has_them(
    *, n_rows: int, d_sae: int, n: int, borders: list[int], seed: int
) -> None:
    """Up to one latent of ten at the edge of a quantile or of two ranks that are nearly equal."""
    world = make_classed(n_rows, d_sae, widths=(3,) * n, seed=seed)
    facts = world.facts(borders=borders)
    with np.errstate(divide="ignore", invalid="ignore"):
        for name in BY_CLASS:
            assert_same(facts.values[name], ORACLES[name](Dense(world)), atol=0.11)
