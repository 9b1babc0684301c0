"""Laws that every metric keeps, whatever is added to the table."""

import re

import numpy as np
import pytest
from evaluating import ORACLES, Dense, assert_same
from law_worlds import CUT, MOVED, THREE, WORLDS, cases, facts_of, order_of, variant

from xc.evaluate.metric import Metric, Scope, Swap
from xc.evaluate.metrics import METRICS
from xc.evaluate.moments import MOMENTS, NUMBERS

EXACT = [m for m in METRICS if not m.drawn]
ids = {"ids": lambda value: value.name if isinstance(value, Metric) else str(value)}


def test_every_exact_metric_has_an_oracle() -> None:
    assert set(ORACLES) == {m.name for m in EXACT}


@pytest.mark.parametrize("names", [tuple(WORLDS), CUT, MOVED], ids=["oracle", "cut", "moved"])
def test_every_metric_has_a_number_other_than_zero_under_every_law(names: tuple[str, ...]) -> None:
    """Else the law would hold of it whatever it computes."""
    told = {m.name for m, name in cases(METRICS, names) if tells(facts_of(name).values[m.name])}
    assert {m.name for m in METRICS} - told == set()


def tells(value: np.ndarray) -> bool:
    if value.dtype.kind == "U":
        return len(np.unique(value)) > 1
    return bool((np.isfinite(value) & (value != 0)).any())


def test_every_metric_tells_the_first_of_three_sources_from_the_last() -> None:
    """Else no law would see them, or their pairs, in a wrong order."""
    told = {
        m.name
        for m, name in cases(METRICS, THREE)
        if m.scope in TURNS and not alike(facts_of(name).values[m.name], m.scope)
    }
    without = {m.name for m in METRICS if m.scope in TURNS} - told
    assert without == {"compared_rows"}  # all sources are of the same rows


def alike(value: np.ndarray, scope: Scope) -> bool:
    turned = TURNS[scope](value)
    if value.dtype.kind == "U":
        return bool((value == turned).all())
    return np.allclose(value, turned, rtol=1e-3, atol=1e-3, equal_nan=True)


@pytest.mark.parametrize(("metric", "name"), cases(EXACT, WORLDS), **ids)
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


@pytest.mark.parametrize(("metric", "name"), cases(METRICS, CUT), **ids)
@pytest.mark.parametrize("borders", [(1,), (30, 31, 60), (45,), tuple(range(5, 90, 5))], **ids)
def test_any_partition_of_the_rows_gives_the_same(
    metric: Metric, borders: tuple[int, ...], name: str
) -> None:
    cut = variant(name, "cut", borders)
    assert_same(cut.values[metric.name], facts_of(name).values[metric.name])


@pytest.mark.parametrize(("metric", "name"), cases(METRICS, CUT), **ids)
def test_the_order_of_blocks_does_not_matter(metric: Metric, name: str) -> None:
    reordered = variant(name, "reordered").values[metric.name]
    assert_same(reordered, facts_of(name).values[metric.name])


@pytest.mark.parametrize(("metric", "name"), cases(METRICS, MOVED), **ids)
def test_permuting_latents_permutes(metric: Metric, name: str) -> None:
    plain = facts_of(name).values[metric.name]
    found = variant(name, "permuted").values[metric.name]
    expected = plain[order_of(WORLDS[name])] if metric.scope.is_column else plain
    if metric.scope is Scope.LATENT_PAIR_MIRROR:
        assert_ratios(found, expected)
    else:
        assert_same(found, expected, atol=0.5 if metric.drawn else 2e-5)


@pytest.mark.parametrize(
    ("metric", "name"), cases((m for m in METRICS if m.swap is not Swap.OTHER), MOVED), **ids
)
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


@pytest.mark.parametrize(("metric", "name"), cases(METRICS, WORLDS), **ids)
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
