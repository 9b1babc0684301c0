"""Intervals of quantiles hold the population's value, and do not jump where the quantile does."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from evaluating import make_world
from simulated import Population, draw, sample

from xc.evaluate.facts import Facts
from xc.evaluate.histogram import histogram, shares_up_to
from xc.evaluate.intervals import STEADY, UNDEFINED
from xc.evaluate.metrics import METRICS, cosine_shared_median
from xc.evaluate.quantile_intervals import median_intervals
from xc.evaluate.selection import select

NAMES = ("l0_p05", "l0_p50", "l0_p95")
MEDIANS = ("cosine_shared_median", "cosine_encoder_shared_median")


def test_shares_by_hand() -> None:
    assert shares_up_to(np.array([2, 0, 5, 3]), 5).tolist() == [0.2, 0.2, 0.7, 1.0, 1.0]
    assert np.isnan(shares_up_to(histogram(np.zeros(0, np.int64))["counts"], 2)).all()


def test_rows_that_are_all_alike_have_an_interval_without_width() -> None:
    world = make_world(200, 8, active=1.0)
    world.f[:] = np.maximum(world.f, 0.1)
    found = sample(world, np.arange(world.sequence.max() + 1), select(METRICS, NAMES))
    for name in NAMES:
        assert found.intervals.ends[f"{name}_ci"] == [8.0, 8.0]


def test_one_group_has_no_interval() -> None:
    names = (*NAMES, *MEDIANS)
    found = sample(make_world(20, 8), np.zeros(2, int), select(METRICS, names), groups=1)
    for name in names:
        assert found.intervals.ends[f"{name}_ci"] is None
        assert "two clusters" in found.intervals.reasons[f"{name}_ci"]


def test_the_value_of_the_population_is_held() -> None:
    """Whole numbers that hardly move: closed intervals hold them oftener than in 95 of 100."""
    population, metrics = Population.make(), select(METRICS, NAMES)
    drawn = draw(population, metrics, n=100, documents=80)
    for name in NAMES:
        assert drawn.coverage(name, drawn.pooled[name]) >= 0.9
        ends = [s.intervals.ends[f"{name}_ci"] or [0.0, 9.0] for s in drawn.samples]
        assert np.mean([high - low for low, high in ends]) < 3


def facts_of(classes: list[str], cosines: list[float]) -> Facts:
    values = {"class": np.array(classes)[:, None], "cosine": np.array(cosines)[:, None]}
    return Facts(make_world(1, 4).decoder, values=values)


def without(facts: Facts, dead: list[list[int]]) -> Iterator[Facts]:
    for latents in dead:
        classes = facts.values["class"].copy()
        classes[latents] = "dead"
        yield replace(facts, values={**facts.values, "class": classes})


def test_the_median_over_latents_by_hand() -> None:
    """Shares up to 0.2, 0.5, 0.9: ⅓, ⅔, 1, and with one latent gone of a group each of three."""
    facts = facts_of(["shared", "shared", "shared", "other"], [0.9, 0.2, 0.5, 0.1])
    each = list(without(facts, [[], [], [1]]))
    (found,) = median_intervals(cosine_shared_median.METRIC, facts, each)
    se = np.sqrt(2 / 3 * 2 / 3) * np.array([1 / 3, 1 / 6])
    low = np.array([1 / 3, 2 / 3]) - 4.302652729911275 * se
    assert (low < 0.5).all()
    np.testing.assert_array_equal(found, [0.2, 0.9])


def test_medians_that_no_row_changes_have_none() -> None:
    facts = facts_of(["shared", "shared", "other", "other"], [0.9, 0.2, 0.5, 0.1])
    each = list(without(facts, [[2], [3], []]))
    assert median_intervals(cosine_shared_median.METRIC, facts, each) == [None]


def test_medians_of_nothing_are_undefined() -> None:
    facts = facts_of(["shared", "other", "other", "other"], [0.9, 0.2, 0.5, 0.1])
    for each in (without(facts, [[0], []]), without(facts_of(["other"] * 4, [1.0] * 4), [[], []])):
        (found,) = median_intervals(cosine_shared_median.METRIC, next(each), each)
        assert np.isnan(found).all()


def test_the_reason_is_told() -> None:
    world = make_world(200, 12, active=1.0)
    clusters = np.arange(world.sequence.max() + 1)
    found = sample(world, clusters, select(METRICS, MEDIANS), groups=5).intervals
    assert found.reasons["cosine_shared_median_ci"] == STEADY
    world.f[:] = 0
    found = sample(world, clusters, select(METRICS, MEDIANS), groups=5).intervals
    assert found.reasons["cosine_shared_median_ci"] == UNDEFINED


def test_a_median_at_the_edge_has_an_interval() -> None:
    """Half of the cosines are 1; leaving out rows seldom moves the median from there."""
    population = Population.make()
    drawn = draw(population, select(METRICS, MEDIANS), n=40, documents=80)
    ends = [s.intervals.ends["cosine_shared_median_ci"] for s in drawn.samples]
    assert all(end is not None for end in ends)
    assert any(s.values["cosine_shared_median"] > 1 - 1e-9 for s in drawn.samples)
