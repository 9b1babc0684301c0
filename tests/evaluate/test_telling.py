"""What is told of numbers while they are found: bars that move with what is done."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from measured import Case
from simulated import Population, group_sums

from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.interval_kinds import KINDS
from xc.evaluate.metric import Metric
from xc.evaluate.metrics import METRICS
from xc.evaluate.repetition import repetition
from xc.evaluate.selection import select
from xc.evaluate.telling import INTERVALS, VALUES, one_by_one, telling
from xc.store_schema import Silent


class Told(Silent):
    """Remembers bars and how they moved."""

    def __init__(self) -> None:
        self.bars: list[tuple[str, int]] = []
        self.moved: list[int] = []
        self.ended = 0

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        self.bars.append((title, total))

    def advance(self, amount: int, **figures: float) -> None:
        self.moved.append(amount)

    def finish(self) -> None:
        self.ended += 1


def test_the_bar_moves_when_a_value_is_there() -> None:
    told, metrics = Told(), METRICS[:3]
    for done, metric in enumerate(one_by_one(metrics, told)):
        assert metric is metrics[done]
        assert (told.moved, told.ended) == ([1] * done, 0)
    assert told.bars == [(VALUES, 3)]
    assert (told.moved, told.ended) == ([1] * 3, 1)


def world_of(metrics: Sequence[Metric], n: int) -> tuple[GroupSums, Facts]:
    world, clusters = Population.make(40).draw(40, np.random.default_rng(0))
    sums = group_sums(world, clusters, metrics, n)[1]
    return sums, finish_all(metrics, sums.totals(), Facts(world.decoder))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [2, 6, 20])
@pytest.mark.parametrize(
    "names", [(), ("fve",), ("l0_p50", "n_rarer_1e-6", "cosine_shared_median")]
)
def test_the_bar_moves_with_every_part_and_ends_whole(
    names: tuple[str, ...], n: int, kind: str
) -> None:
    metrics, told, moved = select(METRICS, names), Told(), [0]
    groups, facts = world_of(metrics, n)
    own = KINDS[kind]
    plain, most = own.intervals(metrics, groups, facts), own.most(repetition(metrics), groups)
    with telling(groups, told, most) as watched:

        def count() -> None:
            moved[0] += 1
            watched.told()

        found = own.intervals(metrics, replace(watched, told=count), facts)
    ((title, total),) = told.bars
    assert title == INTERVALS
    assert sum(told.moved) == total
    assert told.ended == 1
    steps = told.moved[: moved[0]]
    assert total - 2 * n <= len(steps) <= total
    assert set(steps) <= {1}
    assert found == plain


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_single_group_nothing_is_told(kind: str) -> None:
    told, (groups, facts) = Told(), world_of(METRICS, 1)
    own = KINDS[kind]
    with telling(groups, told, own.most(repetition(METRICS), groups)) as watched:
        found = own.intervals(METRICS, watched, facts)
    assert (told.bars, told.moved) == ([], [])
    assert not any(found.ends.values())


def test_an_evaluation_tells_of_it(make_case: Callable[..., Case]) -> None:
    made, told = make_case(), Told()
    made.evaluate(progress=told, metrics=("fve",), groups=0)
    assert INTERVALS not in dict(told.bars)
    made.evaluate(progress=told, metrics=("fve",), groups=5)
    bars = dict(told.bars)
    assert bars[INTERVALS] == 2 * 5
    assert bars[VALUES] == len(select(METRICS, ("fve",)))
    assert list(bars) == ["measuring", VALUES, INTERVALS]
