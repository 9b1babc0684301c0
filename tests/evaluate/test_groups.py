"""Groups of rows: their names in keys, and measures over them equal to those of their rows."""

import pickle
from dataclasses import replace
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from evaluating import ORACLES, Dense, World, assert_same, make_world

from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.graph import combine_totals, tile_totals
from xc.evaluate.groups import MEASURED, Group, groups_of, over_groups
from xc.evaluate.metric import Pass
from xc.evaluate.metrics import METRICS
from xc.evaluate.naming import names
from xc.evaluate.reductions import reductions


def group_names(*parts: str) -> list[str]:
    return [g.name for g in groups_of("corpus", parts, np.ones(len(parts), int))]


def test_one_group_alone_is_none() -> None:
    roles = ("neither", "user", "assistant", "template")
    assert groups_of("role", roles, np.array([9, 0, 0, 0])) == ()
    found = groups_of("role", roles, np.array([0, 3, 0, 1]))
    assert [g.suffix for g in found] == ["_role_user", "_role_template"]


def test_names_fit_into_keys_and_differ() -> None:
    assert group_names("org/web_2", "naïve.jsonl") == ["org-web-2", "naïve.jsonl"]
    assert group_names("web", "web", "web") == ["web", "web~2", "web~3"]
    assert group_names("ci", "") == ["ci~2", "-"]


def test_a_group_keeps_its_name_whichever_others_have_rows() -> None:
    parts = ("web", "web", "chat")
    assert [g.name for g in groups_of("corpus", parts, np.array([0, 1, 1]))] == ["web~2", "chat"]


def test_keys_have_the_group_behind_the_source() -> None:
    made = over_groups(METRICS, [Group("role", 2, "assistant")])
    found = [name for metric in made for name in names(metric, 2)]
    both = ("cosine_reconstruction", "fve", "mse")
    expected = {f"{name}_{source}_role_assistant" for name in both for source in "ab"}
    rest = (
        "frequency", "mean_activation", "max_activation", "activation_p50", "activation_p90",
        "activation_p99", "dead_fraction", "n_dead_minder", "n_rarer_1e-5", "n_rarer_1e-6",
        "n_rarer_1e-7", "l0", "l0_p05", "l0_p50", "l0_p95",
    )  # fmt: skip
    assert set(found) == expected | {f"{name}_role_assistant" for name in rest}


def test_what_a_measure_needs_is_measured_over_the_group_too() -> None:
    made = over_groups(METRICS, [Group("role", 2, "assistant"), Group("corpus", 0, "web")])
    before: set[str] = set()
    for metric in made:
        assert before.issuperset(metric.needs)
        before.add(metric.name)
    assert {m.name for m in made if m.needs} == {
        f"{name}_{end}" for end in ("role_assistant", "corpus_web")
        for name in ("dead_fraction", "n_dead_minder", *(f"n_rarer_1e-{e}" for e in (5, 6, 7)))
    }  # fmt: skip


def test_measures_of_the_same_sums_share_them() -> None:
    """The three quantiles of a group; not those of another group, nor of all rows."""
    groups = (Group("role", 2, "assistant"), Group("role", 3, "template"))
    quantiles = [m for m in METRICS if m.name.startswith("activation_p")]
    assert len(reductions([*quantiles, *over_groups(quantiles, groups)])) == 3
    reading = [m for m in METRICS if m.name in MEASURED and m.reads is not Pass.NONE]
    assert len(reductions(over_groups(reading, groups))) == 2 * len(reductions(reading))


def part_of(world: World, rows: np.ndarray) -> World:
    return replace(
        world, f=world.f[rows], x=tuple(x[rows] for x in world.x), sequence=world.sequence[rows],
        role=world.role[rows],
    )  # fmt: skip


@pytest.mark.parametrize("cuts", [[0, 90], [0, 1, 40, 41, 90]])
@pytest.mark.parametrize("number", [0, 3])
def test_measures_are_those_of_the_rows_alone(number: int, cuts: list[int]) -> None:
    world = make_world()
    metrics = over_groups(METRICS, [Group("role", number, "x")])
    tiles = [world.block(a, b) for a, b in pairwise(cuts)]
    totals = [tile_totals(metrics, tile) for tile in tiles]
    sums = reduce(lambda a, b: combine_totals(metrics, a, b), totals)
    alone = Dense(part_of(world, world.role == number))
    facts = finish_all(metrics, sums, Facts(world.decoder))
    for metric in metrics:
        base = metric.name.removesuffix(metric.suffix)
        assert_same(facts.values[metric.name], ORACLES[base](alone))


def test_of_a_group_without_rows_nothing_is_defined() -> None:
    world = make_world()
    metrics = over_groups(METRICS, [Group("role", 9, "x")])
    sums = tile_totals(metrics, world.block(0, world.n_rows))
    facts = finish_all(metrics, sums, Facts(world.decoder))
    for metric in metrics:
        assert np.isnan(facts.values[metric.name]).all(), metric.name


def test_they_travel_to_other_processes() -> None:
    metrics = over_groups(METRICS, [Group("role", 1, "user")])
    block = make_world().block(0, 90)
    again = pickle.loads(pickle.dumps(metrics[0].partial))(block)
    for name, value in metrics[0].partial(block).items():
        np.testing.assert_array_equal(again[name], value)
