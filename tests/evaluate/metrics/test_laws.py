"""Laws that every metric keeps, whatever is added to the table."""

import re
from functools import cache

import numpy as np
import pytest
from evaluating import ORACLES, Dense, World, assert_same, make_world

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Scope, Swap
from xc.evaluate.metrics import METRICS
from xc.evaluate.moments import MOMENTS, NUMBERS

WORLDS = {
    "equal widths": make_world(d_sae=130),
    "unequal widths": make_world(widths=(6, 9), seed=1),
    "one latent": make_world(d_sae=1, active=0.5, zero_rows=False, seed=2),
    "one row": make_world(n_rows=1, active=0.5, seed=3),
    "all dead": make_world(active=0.0, seed=4),
    "dense": make_world(active=1.0, seed=5),
    "three sources": make_world(d_sae=60, widths=(5, 5, 7), seed=6),
    "three alike": make_world(d_sae=90, widths=(4, 4, 4), seed=9),
    "more dimensions than latents": make_world(d_sae=5, widths=(8, 8), seed=7),
    "no decoder": make_world(d_sae=3, active=0.5, seed=8),
}
CUT = ("equal widths", "three sources")
"""Worlds whose rows are cut."""
EXACT = [m for m in METRICS if not m.drawn]
ids = {"ids": lambda value: value.name if isinstance(value, Metric) else str(value)}


def silence(world: World) -> World:
    for w in world.W:
        w[:] = 0
    return world


silence(WORLDS["no decoder"])


@cache
def facts_of(name: str) -> Facts:
    return WORLDS[name].facts()


@cache
def variant(name: str, law: str, borders: tuple[int, ...] = ()) -> Facts:
    """The values of a world after what a law does to it."""
    world = WORLDS[name]
    if law == "cut":
        return world.facts(borders=borders)
    if law == "reordered":
        return world.facts(borders=(20, 33, 70), order=[2, 0, 3, 1])
    return (world.swapped() if law == "swapped" else world.permuted(order_of(world))).facts()


def order_of(world: World) -> np.ndarray:
    return np.random.default_rng(0).permutation(world.f.shape[1])


def test_every_exact_metric_has_an_oracle() -> None:
    assert set(ORACLES) == {m.name for m in EXACT}


@pytest.mark.parametrize("metric", EXACT, **ids)
@pytest.mark.parametrize("name", WORLDS)
def test_equals_the_dense_oracle(metric: Metric, name: str) -> None:
    if name == "one row" and metric.name in ("fve", "fve_pooled"):
        assert np.isnan(facts_of(name).values[metric.name]).all()
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = ORACLES[metric.name](Dense(WORLDS[name]))
    if metric.scope is Scope.LATENT_PAIR_MIRROR:
        assert_ratios(facts_of(name).values[metric.name], np.asarray(expected))
    else:
        assert_same(facts_of(name).values[metric.name], expected)


def assert_ratios(found: np.ndarray, expected: np.ndarray) -> None:
    """A quotient of tiny numbers keeps no digits: only ratios of moderate size are compared."""
    moderate = np.abs(np.nan_to_num(expected)) < 100
    assert_same(np.where(moderate, found, 0), np.where(moderate, expected, 0), atol=1e-3)


@pytest.mark.parametrize("metric", METRICS, **ids)
@pytest.mark.parametrize("borders", [(1,), (30, 31, 60), (45,), tuple(range(5, 90, 5))], **ids)
@pytest.mark.parametrize("name", CUT)
def test_any_partition_of_the_rows_gives_the_same(
    metric: Metric, borders: tuple[int, ...], name: str
) -> None:
    cut = variant(name, "cut", borders)
    assert_same(cut.values[metric.name], facts_of(name).values[metric.name])


@pytest.mark.parametrize("metric", METRICS, **ids)
@pytest.mark.parametrize("name", CUT)
def test_the_order_of_blocks_does_not_matter(metric: Metric, name: str) -> None:
    reordered = variant(name, "reordered").values[metric.name]
    assert_same(reordered, facts_of(name).values[metric.name])


@pytest.mark.parametrize("metric", METRICS, **ids)
@pytest.mark.parametrize("name", ["equal widths", "unequal widths", "three sources", "three alike"])
def test_permuting_latents_permutes(metric: Metric, name: str) -> None:
    plain = facts_of(name).values[metric.name]
    found = variant(name, "permuted").values[metric.name]
    expected = plain[order_of(WORLDS[name])] if metric.scope.is_column else plain
    if metric.scope is Scope.LATENT_PAIR_MIRROR:
        assert_ratios(found, expected)
    else:
        assert_same(found, expected, atol=0.5 if metric.drawn else 2e-5)


@pytest.mark.parametrize("metric", [m for m in METRICS if m.swap is not Swap.OTHER], **ids)
@pytest.mark.parametrize("name", ["equal widths", "unequal widths", "three sources", "three alike"])
def test_swapping_the_sources_does_what_the_metric_says(metric: Metric, name: str) -> None:
    """Of three the first and the last change places, and with them the first and the last pair."""
    found = variant(name, "swapped").values
    plain = facts_of(name).values[metric.name]
    partner = metric.name
    if metric.swap is Swap.PARTNER:
        partner = re.sub("_[ab](?=_only|$)", lambda m: {"_a": "_b", "_b": "_a"}[m[0]], metric.name)
    expected = SWAPS.get(metric.swap, lambda v: v)(TURNS.get(metric.scope, lambda v: v)(plain))
    if metric.swap is Swap.LABELS:
        expected = relabelled(expected, len(WORLDS[name].W))
    assert_same(found[partner], expected, atol=0.5 if metric.drawn else 2e-5)


TURNS = {
    Scope.PER_SOURCE: lambda v: v[::-1],
    Scope.PER_PAIR: lambda v: v[::-1],
    Scope.PAIR_NUMBERS: lambda v: v[::-1],
    Scope.LATENT_SOURCE: lambda v: v[:, ::-1],
    Scope.LATENT_PAIR: lambda v: v[:, ::-1],
    Scope.LATENT_SOURCE_DIRECTION: lambda v: v[:, ::-1, ::-1],
    Scope.LATENT_PAIR_MIRROR: lambda v: v[:, ::-1, ::-1],
}
SWAPS = {Swap.COMPLEMENT: lambda v: 1 - v}


def relabelled(classes: np.ndarray, n_sources: int) -> np.ndarray:
    """Names of classes after the sources' order is turned round."""
    letters = "abc"[:n_sources]
    names = {f"{p}_only": f"{q}_only" for p, q in zip(letters, reversed(letters), strict=True)}
    return np.array([[names.get(name, name) for name in row] for row in classes])


@pytest.mark.parametrize("metric", METRICS, **ids)
@pytest.mark.parametrize("name", WORLDS)
def test_values_have_their_shape_and_stay_within_bounds(metric: Metric, name: str) -> None:
    value, world = facts_of(name).values[metric.name], WORLDS[name]
    n, d_sae = len(world.W), world.f.shape[1]
    pairs = n * (n - 1) // 2
    shapes = {
        Scope.SCALAR: (), Scope.PER_SOURCE: (n,), Scope.PER_PAIR: (pairs,), Scope.LATENT: (d_sae,),
        Scope.PAIR_NUMBERS: (pairs, len(NUMBERS) if metric.name == MOMENTS else 1),
        Scope.LATENT_SOURCE: (d_sae, n), Scope.LATENT_PAIR: (d_sae, pairs),
        Scope.LATENT_PAIR_MIRROR: (d_sae, pairs, 2), Scope.LATENT_SOURCE_DIRECTION: (d_sae, n, n),
    }  # fmt: skip
    assert value.shape == shapes[metric.scope]
    if value.dtype.kind != "U":
        known = value[~np.isnan(value)]
        assert ((known >= metric.bounds[0]) & (known <= metric.bounds[1])).all()
