"""Laws that every metric keeps, whatever is added to the table."""

import re
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from evaluating import ORACLES, Dense, assert_same
from law_worlds import CUT, MOVED, THREE, WORLDS, cases, facts_of, order_of, variant

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric, Scope, Swap
from xc.evaluate.metrics import METRICS
from xc.evaluate.moments import MOMENTS, NUMBERS

EXACT = [m for m in METRICS if not m.drawn]
SWAPPED = [m for m in METRICS if m.swap is not Swap.OTHER]
each = pytest.mark.parametrize


def hold(law: Callable[[Metric], None], metrics: Iterable[Metric], name: str) -> None:
    """A law of every metric that is measured in a world; those that break it are all named."""
    broken, measured = [], [m for m, _ in cases(metrics, [name])]
    for metric in measured:
        try:
            law(metric)
        except AssertionError as error:
            broken.append(f"{metric.name}: {error}")
    assert measured
    assert not broken, "\n".join(broken)


def test_a_law_names_all_that_break_it() -> None:
    def law(metric: Metric) -> None:
        assert metric.name not in ("cka", "l0"), "is none of these"

    with pytest.raises(AssertionError, match=r"(?s)l0: is none.*cka: is none|cka.*l0"):
        hold(law, METRICS, "equal widths")


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


@each("name", WORLDS)
def test_each_equals_its_dense_oracle(name: str) -> None:
    world, values = Dense(WORLDS[name]), facts_of(name).values

    def law(metric: Metric) -> None:
        if name == "one row" and metric.name in ("fve", "fve_pooled"):
            assert np.isnan(values[metric.name]).all()
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = ORACLES[metric.name](world)
        if metric.scope is Scope.LATENT_PAIR_MIRROR:
            assert_ratios(values[metric.name], np.asarray(expected))
        else:
            assert_same(values[metric.name], expected)

    hold(law, EXACT, name)


def assert_ratios(found: np.ndarray, expected: np.ndarray) -> None:
    """A quotient of tiny numbers keeps no digits: only ratios of moderate size are compared."""
    moderate = np.abs(np.nan_to_num(expected)) < 100
    assert_same(np.where(moderate, found, 0), np.where(moderate, expected, 0), atol=1e-3)


@each("name", CUT)
@each("borders", [(1,), (30, 31, 60), (45,), tuple(range(5, 90, 5))], ids=str)
def test_any_partition_of_the_rows_gives_the_same(borders: tuple[int, ...], name: str) -> None:
    assert_equal_facts(variant(name, "cut", borders), name)


@each("name", CUT)
def test_the_order_of_blocks_does_not_matter(name: str) -> None:
    assert_equal_facts(variant(name, "reordered"), name)


def assert_equal_facts(found: Facts, name: str) -> None:
    plain = facts_of(name).values
    hold(lambda m: assert_same(found.values[m.name], plain[m.name]), METRICS, name)


@each("name", MOVED)
def test_permuting_latents_permutes(name: str) -> None:
    plain, found = facts_of(name).values, variant(name, "permuted").values

    def law(metric: Metric) -> None:
        expected = plain[metric.name]
        if metric.scope.is_column:
            expected = expected[order_of(WORLDS[name])]
        if metric.scope is Scope.LATENT_PAIR_MIRROR:
            assert_ratios(found[metric.name], expected)
        else:
            assert_same(found[metric.name], expected, atol=0.5 if metric.drawn else 2e-5)

    hold(law, METRICS, name)


@each("name", MOVED)
def test_swapping_the_sources_does_what_the_metric_says(name: str) -> None:
    """Of three the first and the last change places, and with them the first and the last pair."""
    plain, found = facts_of(name).values, variant(name, "swapped").values

    def law(metric: Metric) -> None:
        turned = TURNS.get(metric.scope, lambda v: v)(plain[metric.name])
        expected = SWAPS.get(metric.swap, lambda v: v)(turned)
        if metric.swap is Swap.LABELS:
            expected = relabelled(expected, len(WORLDS[name].W))
        assert_same(found[partner_of(metric)], expected, atol=0.5 if metric.drawn else 2e-5)

    hold(law, SWAPPED, name)


def partner_of(metric: Metric) -> str:
    """Whose place a metric takes when the sources change theirs."""
    if metric.swap is not Swap.PARTNER:
        return metric.name
    return re.sub("_[ab](?=_only|$)", lambda m: {"_a": "_b", "_b": "_a"}[m[0]], metric.name)


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


@each("name", WORLDS)
def test_values_have_their_shape_and_stay_within_bounds(name: str) -> None:
    world = WORLDS[name]
    n, d_sae = len(world.W), world.f.shape[1]
    pairs = n * (n - 1) // 2
    shapes = {
        Scope.SCALAR: (), Scope.PER_SOURCE: (n,), Scope.PER_PAIR: (pairs,), Scope.LATENT: (d_sae,),
        Scope.LATENT_SOURCE: (d_sae, n), Scope.LATENT_PAIR: (d_sae, pairs),
        Scope.LATENT_PAIR_MIRROR: (d_sae, pairs, 2), Scope.LATENT_SOURCE_DIRECTION: (d_sae, n, n),
    }  # fmt: skip

    def law(metric: Metric) -> None:
        value = facts_of(name).values[metric.name]
        numbers = (pairs, len(NUMBERS) if metric.name == MOMENTS else 1)
        assert value.shape == {**shapes, Scope.PAIR_NUMBERS: numbers}[metric.scope]
        if value.dtype.kind != "U":
            known = value[~np.isnan(value)]
            assert ((known >= metric.bounds[0]) & (known <= metric.bounds[1])).all()

    hold(law, METRICS, name)
