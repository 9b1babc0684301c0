"""Intervals of quantiles hold the population's value, and do not jump where the quantile does."""

import numpy as np
from evaluating import make_world
from simulated import Population, sample, samples

from xc.evaluate.histogram import at_share, histogram, share_up_to
from xc.evaluate.metrics import METRICS
from xc.evaluate.selection import select

NAMES = ("l0_p05", "l0_p50", "l0_p95")


def test_shares_and_quantiles_by_hand() -> None:
    counts = np.array([2, 0, 5, 3])
    assert [share_up_to(counts, k) for k in range(4)] == [0.2, 0.2, 0.7, 1.0]
    assert [at_share(counts, s) for s in (-1.0, 0.2, 0.21, 0.7, 0.71, 2.0)] == [0, 0, 2, 2, 3, 3]


def test_rows_that_are_all_alike_have_an_interval_without_width() -> None:
    world = make_world(200, 8, active=1.0)
    world.f[:] = np.maximum(world.f, 0.1)
    found = sample(world, np.arange(world.sequence.max() + 1), select(METRICS, NAMES))
    for name in NAMES:
        assert found.intervals.ends[f"{name}_ci"] == [8.0, 8.0]


def test_one_group_has_no_interval() -> None:
    found = sample(make_world(20, 8), np.zeros(2, int), select(METRICS, NAMES), groups=1)
    assert found.intervals.ends["l0_p50_ci"] is None
    assert "two clusters" in found.intervals.reasons["l0_p50_ci"]


def test_the_value_of_the_population_is_held() -> None:
    population, metrics = Population.make(), select(METRICS, NAMES)
    world, _ = population.draw(6000, np.random.default_rng(1))
    true = np.quantile((world.f > 0).sum(axis=1), [0.05, 0.5, 0.95], method="inverted_cdf")
    held = np.zeros(3)
    widths = np.zeros(3)
    drawn = list(samples(population, metrics, n=100, documents=80))
    for one in drawn:
        ends = np.array([one.intervals.ends[f"{name}_ci"] for name in NAMES])
        held += (ends[:, 0] <= true) & (true <= ends[:, 1])
        widths += ends[:, 1] - ends[:, 0]
    assert (held >= 90).all()
    assert (widths / len(drawn) < 3).all()


def test_of_no_rows_there_is_no_share() -> None:
    assert np.isnan(share_up_to(histogram(np.zeros(0, np.int64))["counts"], 0))
