"""Intervals of groups drawn with replacement: against rows repeated by hand, without a second pass,
and how often they hold."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from evaluating import World
from graphing import noted_graphs
from measured import Case
from scipy import stats
from simulated import TEMPLATE, Population, Settled, group_sums

from xc.evaluate import METRICS
from xc.evaluate.bootstrap import FEWEST, tail
from xc.evaluate.clusters import row_groups
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.graph import Totals, tile_totals
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.groups import Group, over_groups
from xc.evaluate.intervals import STEADY, TOO_FEW, Intervals
from xc.evaluate.metric import Metric, Pass
from xc.evaluate.naming import names
from xc.evaluate.redrawn_intervals import SELDOM, redrawn_intervals
from xc.evaluate.redraws import (
    REDRAWS,
    Redrawn,
    draw_groups,
    numbers_redrawn,
    redrawn_interval,
)
from xc.evaluate.reductions import reductions
from xc.evaluate.repetition import DRAWN, FIXED, FOLLOWS, repetition
from xc.evaluate.scalars import scalars
from xc.evaluate.selection import select
from xc.store_schema import RequestError

BOOTSTRAP: dict[str, Any] = {"intervals": "bootstrap"}
G = 12


def measured(
    world: World, clusters: np.ndarray, metrics: Sequence[Metric], n: int, seed: int = 0
) -> tuple[np.ndarray, GroupSums, Facts]:
    of_row, sums = group_sums(world, clusters, metrics, n)
    return of_row, sums, finish_all(metrics, sums.totals(), Facts(world.decoder, seed=seed))


def numbers(world: World, rows: np.ndarray, metrics: Sequence[Metric]) -> dict[str, float]:
    """Of some rows of a world, in one piece, a row as often as it is named."""
    some = replace(
        world, f=world.f[rows], x=tuple(x[rows] for x in world.x),
        sequence=world.sequence[rows], role=world.role[rows],
    )  # fmt: skip
    reading = [m for m in metrics if m.reads is not Pass.NONE]
    totals = tile_totals(reading, some.block(0, some.n_rows))
    return scalars(metrics, finish_all(metrics, totals, Facts(world.decoder)))


def half(values: np.ndarray, n: int) -> float:
    """By hand: t of n − 1, and the deviation of the draws for all n, where they show n − 1 of n."""
    error = values.std(ddof=1) * (n / (n - 1)) ** 0.5
    return float(stats.t.ppf(0.975, n - 1) * error)


def expanded(values: np.ndarray, n: int) -> list[float]:
    """Percentiles beyond 2.5 and 97.5 (Hesterberg)."""
    share = stats.norm.cdf(stats.t.ppf(0.025, n - 1) * (n / (n - 1)) ** 0.5)
    return [float(np.quantile(values, q)) for q in (share, 1 - share)]


def test_equal_those_of_rows_repeated_by_hand() -> None:
    """fve below 1, a count, a share, a median: each on its scale."""
    world, clusters = Settled.make(40, rare=20).draw(30, np.random.default_rng(0))
    asked = ("fve", "n_dead", "n_present_a", "sharedness", "cosine_shared_median")
    metrics = select(METRICS, asked)
    group, sums, facts = measured(world, clusters, metrics, G, seed=5)
    found = redrawn_intervals(metrics, sums, facts).ends
    draws = draw_groups(G, facts)
    assert draws.shape == (REDRAWS, G)
    assert (draws.sum(axis=1) == G).all()
    rows = np.arange(len(group))
    each = [numbers(world, np.repeat(rows, times[group]), metrics) for times in draws]
    whole = numbers(world, rows, metrics)
    drawn = {key: np.array([own[key] for own in each]) for key in whole}
    scales: dict[str, tuple[Callable[[Any], Any], Callable[[float], float]]] = {
        "fve_a": (lambda x: -np.sqrt(1 - x), lambda y: 1 - y**2),
        "n_dead": (np.sqrt, np.square),
        "n_present_a": (np.sqrt, np.square),
        "sharedness": (lambda x: np.arcsin(np.sqrt(x)), lambda y: np.sin(y) ** 2),
    }
    for key, (there, back) in scales.items():
        side, middle = half(there(drawn[key]), G), there(whole[key])
        ends = [min(float(back(end)), 40.0) for end in (middle - side, middle + side)]
        assert found[f"{key}_ci"] == pytest.approx(ends, rel=1e-6), key
    median = drawn["cosine_shared_median"]
    assert found["cosine_shared_median_ci"] == pytest.approx(expanded(median, G), rel=1e-6)


def test_every_number_has_one_or_a_reason(make_case: Callable[..., Case]) -> None:
    case = make_case(n_sequences=90)
    plain = case.evaluate().summary
    found = case.evaluate(**BOOTSTRAP).summary
    assert found.keys() == plain.keys()
    keys = [key for m in METRICS if not m.scope.is_column for key in names(m, 2)]
    different = 0
    for key in (*keys, "n_twins", "twin_divergence_median"):
        assert found[key] == plain[key]
        ends = found[f"{key}_ci"]
        assert (ends is None) == (f"{key}_ci" in found["not_measured"]), key
        if ends is not None:
            assert ends[0] <= found[key] <= ends[1]
            different += ends != plain[f"{key}_ci"]
    assert different > 20
    told = {why for key, why in found["not_measured"].items() if key.endswith("_ci")}
    assert FIXED in told


def test_no_row_is_read_again(
    make_case: Callable[..., Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sums by group that the jackknife left are those that are drawn; and the other way."""
    case, graphs = make_case(n_sequences=60), noted_graphs(monkeypatch)
    asked = ("fve", "sharedness", "cosine_shared_median")
    case.evaluate(metrics=asked, intervals="jackknife")
    assert graphs
    graphs.clear()
    case.evaluate(metrics=asked, **BOOTSTRAP)
    assert graphs == []
    case.evaluate(metrics=asked, intervals="jackknife", seed=3)
    assert graphs == []


def test_the_same_bytes_again_and_on_every_scheduler(make_case: Callable[..., Case]) -> None:
    case, found = make_case(n_sequences=90), []
    for name in ("sync", "threads"):
        case.evaluate(**BOOTSTRAP, scheduler=name, block_rows=64)
        found.append(case.run.summary.read_bytes())
        case.run.summary.unlink()
    assert found[0] == found[1]
    other = case.evaluate(**BOOTSTRAP, scheduler="sync", block_rows=64, seed=1).summary
    assert other["fve_a_ci"] != case.evaluate(**BOOTSTRAP, block_rows=64).summary["fve_a_ci"]


def test_another_way_is_refused_with_those_there_are(make_case: Callable[..., Case]) -> None:
    with pytest.raises(RequestError, match=r"unknown intervals 'bootstrp'.*'bootstrap'"):
        make_case().evaluate(intervals="bootstrp")


@pytest.mark.parametrize(("n", "least", "most"), [(2, 0.3, 0.7), (4, 0.8, 0.9), (10, 0.91, 0.98)])
def test_percentiles_of_fewer_than_ten_say_little(n: int, least: float, most: float) -> None:
    """Of means of so many normal numbers: why fewer are not drawn, or have no percentiles."""
    rng, held = np.random.default_rng(n), []
    share = tail(n)
    for _ in range(1000):
        x = rng.normal(size=n)
        means = x[rng.integers(0, n, (400, n))].mean(axis=1)
        low, high = np.quantile(means, [share, 1 - share])
        held.append(low <= 0 <= high)
    assert least <= np.mean(held) <= most
    assert (n >= FEWEST) == (least > 0.9)


def test_of_few_groups_medians_too_are_as_wide_as_their_error() -> None:
    values = np.random.default_rng(0).normal(size=REDRAWS)
    bounds = (-np.inf, np.inf)
    few, enough = Redrawn(values, FEWEST - 1), Redrawn(values, FEWEST)
    plain = redrawn_interval(0.0, few, bounds=bounds)
    np.testing.assert_array_equal(redrawn_interval(0.0, few, bounds=bounds, by_ends=True), plain)
    ends = redrawn_interval(0.0, enough, bounds=bounds, by_ends=True)
    assert ends == pytest.approx(expanded(values, FEWEST))


def test_means_of_few_clusters_have_each_left_out(make_case: Callable[..., Case]) -> None:
    made = make_case(n_sequences=12)
    plain = made.evaluate(metrics=("l0",)).summary
    assert made.evaluate(metrics=("l0",), **BOOTSTRAP).summary["l0_ci"] == plain["l0_ci"]


def drawn_of(*values: float, groups: int = 4) -> Redrawn:
    return Redrawn(np.array(values), groups)


NAN = float("nan")


@pytest.mark.parametrize(
    ("drawn", "ends"),
    [
        (drawn_of(1.0, 3.0, groups=1), None),
        (drawn_of(), None),
        (drawn_of(NAN, NAN, 1.0, 2.0), [NAN, NAN]),
        (drawn_of(NAN, 1.0, 2.0, 3.0), [2 - half(np.array([1.0, 2.0, 3.0]), 4)] * 2),
    ],
)
def test_few_groups_and_draws_that_say_nothing(drawn: Redrawn, ends: list[float] | None) -> None:
    found = redrawn_interval(2.0, drawn, bounds=(-np.inf, np.inf))
    if ends is None:
        assert found is None
    else:
        assert found is not None
        assert found[0] == pytest.approx(ends[0], nan_ok=True)


def test_ends_stay_within_bounds_and_hold_the_value() -> None:
    drawn = drawn_of(0.0, 0.2, 0.9, 0.1, groups=12)
    low, high = redrawn_interval(0.05, drawn, bounds=(0.0, 1.0))
    assert 0 <= low <= 0.05 <= high <= 1
    low, high = redrawn_interval(0.95, drawn, bounds=(0.0, 1.0), by_ends=True)
    assert high == 0.95


def of(world: World, clusters: np.ndarray, *asked: str, n: int = G) -> Intervals:
    metrics = select(METRICS, asked)
    _, sums, facts = measured(world, clusters, metrics, n)
    return redrawn_intervals(metrics, sums, facts)


def test_why_there_are_none() -> None:
    world, clusters = Population.make(24).draw(30, np.random.default_rng(0))
    assert of(world, clusters, "fve", n=1).reasons["fve_a_ci"] == TOO_FEW
    found = of(world, clusters, "alignment_all", "cca_chance")
    assert found.reasons == {"alignment_all_ci": FIXED, "cca_chance_ci": FOLLOWS}
    silent = replace(world, f=np.zeros_like(world.f))
    found = of(silent, clusters, "sharedness", "dead_fraction")
    assert found.reasons["sharedness_ci"] == SELDOM
    assert found.reasons["dead_fraction_ci"] == STEADY


def test_a_role_of_a_single_group_has_too_few() -> None:
    world, clusters = Population.make(24).draw(30, np.random.default_rng(0))
    of_row, _, _ = measured(world, clusters, select(METRICS, ["fve"]), G)
    world = replace(world, role=np.where(of_row == 2, TEMPLATE, 0).astype(np.uint8))
    metrics = over_groups(select(METRICS, ["fve"]), [Group("role", TEMPLATE, "template")])
    whole = (*select(METRICS, ["fve"]), *metrics)
    _, sums, facts = measured(world, clusters, whole, G)
    found = redrawn_intervals(whole, sums, facts)
    assert found.reasons["fve_a_role_template_ci"] == TOO_FEW
    assert found.ends["fve_a_ci"] is not None


def test_large_sums_are_drawn_by_coarser_groups() -> None:
    """The coarser ones are three, of four groups each."""
    world, clusters = Population.make(24).draw(30, np.random.default_rng(0))
    metrics = select(METRICS, ["cca", "fve"])
    group, sums, facts = measured(world, clusters, metrics, G)
    coarse = 3
    some = list(reductions([m for m in metrics if m.reads is not Pass.NONE]).values())
    rows = [np.flatnonzero(group % coarse == k) for k in range(coarse)]
    block = world.block(0, world.n_rows)
    kept = [tile_totals(some, block.cut(group % coarse == k)) for k in range(coarse)]

    def load(labels: Sequence[str], part: int) -> Totals:
        own = sums.load(labels, part) if part < G else kept[part - G]
        return {label: own[label] for label in labels}

    both = replace(sums, load=load, coarse=coarse)
    plan = repetition(metrics)
    found = numbers_redrawn(plan, both, facts)
    assert (found["cca"].groups, found["fve_a"].groups) == (coarse, G)
    draws = draw_groups(coarse, facts)
    assert len(np.unique(draws, axis=0)) < len(draws)
    for i in (0, 1, 50):
        again = np.concatenate([np.repeat(own, n) for own, n in zip(rows, draws[i], strict=True)])
        expected = numbers(world, again, metrics)["cca"]
        assert found["cca"].values[i] == pytest.approx(expected, rel=1e-9)


def test_drawn_numbers_have_none() -> None:
    table = [replace(m, drawn=m.name == "alignment") for m in select(METRICS, ["alignment"])]
    assert DRAWN in repetition(table).without.values()


# ── how often they hold ─────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_numbers_that_settle_are_held_and_counts_too_seldom() -> None:
    """What docs/metrics.md says of the two ways, in small: benchmarks/intervals.py is the whole."""
    metrics, population, n = (
        select(METRICS, ["fve", "sharedness", "n_shared", "n_other"]),
        Settled.make(),
        150,
    )
    keys = ("fve_a", "fve_b", "sharedness", "n_shared", "n_other")
    ends: dict[str, list[list[float]]] = {key: [] for key in keys}
    values: dict[str, list[float]] = {key: [] for key in keys}
    for i in range(n):
        world, clusters = population.draw(80, np.random.default_rng([13, i]))
        _, sums, facts = measured(world, clusters, metrics, 20, seed=i)
        found, own = redrawn_intervals(metrics, sums, facts).ends, scalars(metrics, facts)
        for key in keys:
            ends[key].append(found[f"{key}_ci"] or [NAN, NAN])
            values[key].append(own[key])
    held = {}
    for key in keys:
        low, high = np.array(ends[key]).T
        about = np.mean(values[key])
        held[key] = float(np.mean((low <= about) & (about <= high)))
    assert all(0.90 <= held[key] <= 0.99 for key in ("fve_a", "fve_b", "sharedness"))
    assert held["n_other"] < 0.90


def test_groups_are_those_of_the_jackknife() -> None:
    world, clusters = Population.make(24).draw(30, np.random.default_rng(0))
    of_row, sums, _ = measured(world, clusters, select(METRICS, ["fve"]), G)
    rows = np.bincount(world.sequence)
    assert sums.n == G
    np.testing.assert_array_equal(of_row, row_groups(rows, clusters, G).of_sequence[world.sequence])
