"""Sums by group: together they are the totals, without one they are those of the other rows."""

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from evaluating import make_world

from xc.evaluate import group_sums
from xc.evaluate.graph import Totals, combine_totals, tile_totals
from xc.evaluate.group_sums import GroupSums, Remembered
from xc.evaluate.metric import Metric, Pass
from xc.evaluate.metrics import METRICS, beta_error, beta_own_error, fve, l0, mse
from xc.evaluate.reductions import label_of, reductions

READING = tuple(m for m in METRICS if m.reads is not Pass.NONE)
WORLD = make_world(90)


def groups_of(cuts: list[int], metrics: tuple[Metric, ...] = READING) -> GroupSums:
    parts = [
        tile_totals(list(reductions(metrics).values()), WORLD.block(a, b))
        for a, b in pairwise(cuts)
    ]

    def load(labels: list[str], group: int) -> Totals:
        return {label: parts[group][label] for label in labels}

    return GroupSums(metrics, len(parts), load)


def plain(*ranges: tuple[int, int]) -> Totals:
    tiles = [tile_totals(READING, WORLD.block(a, b)) for a, b in ranges]
    return reduce(lambda a, b: combine_totals(READING, a, b), tiles)


def assert_equal(found: Totals, expected: Totals) -> None:
    assert set(found) == set(expected)
    for name, sums in expected.items():
        for part, array in sums.items():
            np.testing.assert_allclose(found[name][part], array, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("cuts", [[0, 90], [0, 30, 90], [0, 7, 20, 33, 34, 70, 88, 90]])
def test_all_groups_are_all_rows(cuts: list[int]) -> None:
    assert_equal(groups_of(cuts).totals(), plain((0, 90)))


@pytest.mark.parametrize("cuts", [[0, 30, 90], [0, 7, 20, 33, 34, 70, 88, 90]])
def test_without_a_group_the_other_rows_are_left(cuts: list[int]) -> None:
    groups = groups_of(cuts)
    found = list(groups.without_each([m.name for m in READING]))
    assert len(found) == groups.n
    for left, (a, b) in zip(found, pairwise(cuts), strict=True):
        assert_equal(left, plain((0, a), (b, 90)))


def test_what_is_drawn_counts_as_often_as_it_is() -> None:
    """A group may lack, and another be there three times, however its sums are put together."""
    cuts = [0, 7, 20, 33, 90]
    groups = groups_of(cuts)
    ranges = list(pairwise(cuts))
    draws = np.array([[1, 1, 1, 1], [0, 3, 1, 0], [2, 0, 0, 2]])
    found = list(groups.redrawn([m.name for m in READING], draws))
    assert len(found) == len(draws)
    for left, times in zip(found, draws, strict=True):
        assert_equal(
            left, plain(*(r for r, n in zip(ranges, times, strict=True) for _ in range(n)))
        )


def test_a_single_group_cannot_be_left_out() -> None:
    assert list(groups_of([0, 90]).without_each(["l0"])) == []


def test_groups_are_left_out_together() -> None:
    groups = groups_of([0, 7, 20, 33, 90])
    names = [m.name for m in READING]
    first, second = groups.without_sets(names, [{0, 2}, {1, 2, 3}])
    assert_equal(first, plain((7, 20), (33, 90)))
    assert_equal(second, plain((0, 7)))


def test_only_what_is_asked_for_is_combined() -> None:
    found = next(iter(groups_of([0, 40, 90]).without_each(["l0"])))
    assert list(found) == ["l0"]


def test_groups_without_rows_are_told() -> None:
    groups = groups_of([0, 0, 40, 40, 90])
    for metric in (l0.METRIC, fve.METRIC, mse.METRIC):
        assert groups.present(metric.name).tolist() == [False, True, False, True]


def test_metrics_that_sum_the_same_share_a_label() -> None:
    assert label_of(beta_error.METRIC) == label_of(beta_own_error.METRIC)
    assert label_of(beta_error.METRIC) == "latent_scaling.residual_sums:1"
    assert label_of(l0.METRIC) == "metrics.l0.partial+sequence_sums.merge:1"
    assert len(reductions(READING)) < len(READING)


@pytest.mark.parametrize(
    ("budget", "little", "reads"), [(1 << 28, 0, 3), (1, 0, 3 + 6), (1, 1 << 16, 3)]
)
def test_a_group_is_read_once_while_memory_lasts(
    monkeypatch: pytest.MonkeyPatch, budget: int, little: int, reads: int
) -> None:
    """Beyond, at first and each time that it is asked for; what is little, at first alone."""
    monkeypatch.setattr(group_sums, "BUDGET", budget)
    monkeypatch.setattr(group_sums, "LITTLE", little)
    groups, calls = groups_of([0, 20, 40, 90]), []

    def load(labels: list[str], group: int) -> Totals:
        calls.append(group)
        return groups.load(labels, group)

    remembered = Remembered(load, list(reductions(READING)))
    for _ in range(2):
        for group in range(3):
            found = remembered([label_of(l0.METRIC)], group)
            assert_equal(found, groups.load(list(found), group))
            assert list(found) == [label_of(l0.METRIC)]
    assert len(calls) == reads


def test_of_a_group_beyond_memory_little_sums_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_sums, "BUDGET", 1)
    groups, asked = groups_of([0, 90]), list[list[str]]()

    def load(labels: list[str], group: int) -> Totals:
        asked.append(list(labels))
        return groups.load(labels, group)

    little, large = label_of(l0.METRIC), label_of(beta_error.METRIC)
    size = {k: sum(a.nbytes for a in groups.load([k], 0)[k].values()) for k in (little, large)}
    monkeypatch.setattr(group_sums, "LITTLE", size[little])
    assert size[little] < size[large]
    remembered = Remembered(load, list(reductions(READING)))
    assert list(remembered([large, little], 0)) == [large, little]
    assert asked[1:] == [[large]]


def test_without_a_coarse_group_the_other_rows_are_left() -> None:
    """Groups 0 and 2, then 1 and 3, whichever way a metric's sums are kept."""
    cuts = [(0, 20), (20, 33), (33, 70), (70, 90)]
    some = reductions(READING)
    fine = [tile_totals(list(some.values()), WORLD.block(a, b)) for a, b in cuts]
    coarse = [combine_totals(list(some.values()), fine[k], fine[k + 2]) for k in (0, 1)]

    def load(labels: list[str], part: int) -> Totals:
        large = {k for k in labels if some[k].bytes_of_sums is not None}
        assert large in (set(labels), set())
        assert bool(large) == (part >= 4)
        return {label: [*fine, *coarse][part][label] for label in labels}

    groups = GroupSums(READING, 4, load, coarse=2)
    found = list(groups.without_each([m.name for m in READING], coarsely=True))
    for left, (one, two) in zip(found, ((1, 3), (0, 2)), strict=True):
        assert_equal(left, plain(cuts[one], cuts[two]))
    assert_equal(groups.totals(), plain((0, 90)))
    small = [m.name for m in READING if m.bytes_of_sums is None]
    assert len(list(groups.without_each(small))) == 4
