"""Intervals of chance levels: groups of rows are left out, but as many rows are counted."""

from collections.abc import Sequence

import numpy as np
import pytest
from activation_oracles import cka_chance, spread, wider_rank
from by_hand import SHARE, interval
from evaluating import World, make_world

from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.graph import Totals
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.intervals import Intervals, jackknife_intervals
from xc.evaluate.metrics import METRICS, activation_similarity
from xc.evaluate.moments import MOMENTS, ROWS, moment_sums
from xc.evaluate.repetition import FOLLOWS, repetition
from xc.evaluate.selection import select

SIZES = (90, 10, 55, 30, 15)
N = sum(SIZES)
GROUP = np.repeat(np.arange(len(SIZES)), SIZES)
CHANCE = select(METRICS, ("cca_chance", "cka_chance"))


def grouped(width: int, *, once: bool = False) -> World:
    """Groups of unequal size, stretched unequally; `once`: a dimension that varies in one alone."""
    world, rng = make_world(N, 4, widths=(width, width)), np.random.default_rng(3)
    stretch = rng.gamma(2.0, 0.5, (len(SIZES), width))[GROUP]
    p, q = (rng.normal(size=(N, width)) * stretch for _ in range(2))
    for x in (p, q):
        x[GROUP != 1, -1] *= not once
    for own, x in zip(world.x, (p, q), strict=True):
        own[:] = x
    return world


def rows_of(group: int) -> np.ndarray:
    there: np.ndarray = np.equal(GROUP, group)
    return there


def measured(world: World) -> tuple[Facts, Intervals]:
    whole = world.block(0, N)
    sums = [moment_sums(whole.cut(rows_of(k))) for k in range(len(SIZES))]

    def load(labels: Sequence[str], part: int) -> Totals:
        return dict.fromkeys(labels, sums[part])

    groups = GroupSums((activation_similarity.METRIC,), len(SIZES), load)
    facts = finish_all(CHANCE, groups.totals(), Facts(world.decoder))
    return facts, jackknife_intervals(CHANCE, groups, facts)


def dense(world: World, left_out: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    there = GROUP >= 0 if left_out is None else ~rows_of(left_out)
    p, q = (x[there].astype(np.float64) for x in world.x)
    return p - p.mean(axis=0), q - q.mean(axis=0)


def test_cka_by_chance() -> None:
    world = grouped(6)
    facts, found = measured(world)
    value = cka_chance(*dense(world))
    assert facts.values["cka_chance"] == pytest.approx(value, rel=1e-9)
    held = [spread(*dense(world, k)) / (N - 1) for k in range(5)]
    assert found.ends["cka_chance_ci"] == pytest.approx(interval(value, held, SHARE), rel=1e-9)
    fewer = [cka_chance(*dense(world, k)) for k in range(5)]
    assert np.ptp(interval(value, fewer, SHARE)) > 2 * np.ptp(interval(value, held, SHARE))


def test_a_rank_that_no_group_changes_has_no_interval() -> None:
    _, found = measured(grouped(6))
    assert found.ends["cca_chance_ci"] is None
    assert found.reasons["cca_chance_ci"] == FOLLOWS


def test_a_rank_that_one_group_makes_has_an_interval() -> None:
    world = grouped(6, once=True)
    _, found = measured(world)
    ranks = [wider_rank(*dense(world, k)) for k in range(5)]
    assert ranks == [6, 5, 6, 6, 6]
    expected = interval(6 / (N - 1), [rank / (N - 1) for rank in ranks], SHARE)
    assert found.ends["cca_chance_ci"] == pytest.approx(expected, rel=1e-9)


def test_no_more_than_one() -> None:
    """As many directions as rows: chance is certain, whichever rows there are."""
    rng, world = np.random.default_rng(0), make_world(12, 4, widths=(20, 20))
    for x in world.x:
        x[:] = rng.normal(size=x.shape)
    sums = {MOMENTS: moment_sums(world.block(0, 12))}
    found = finish_all(CHANCE, sums, Facts(world.decoder))
    assert found.values["cca_chance"].tolist() == [1.0]


def test_rows_stay() -> None:
    plan = repetition(CHANCE)
    assert ROWS in plan.fixed
    assert not plan.without
    assert plan.counting == {"cca_chance", "cka_chance"}
