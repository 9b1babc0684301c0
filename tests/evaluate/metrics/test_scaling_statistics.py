"""Statistics of latent scaling: SciPy's correlations, planted classes, what halves must show."""

from dataclasses import replace

import numpy as np
import pytest
from classed import make_classed
from evaluating import Dense, World, assert_same, make_world
from hypothesis import given, settings
from hypothesis import strategies as st
from scaling_oracles import STATISTICS
from scipy.stats import pearsonr, rankdata, spearmanr

from xc.evaluate.correlation import pearson, ranks, spearman
from xc.evaluate.facts import Facts
from xc.evaluate.metrics import METRICS, nu_overlap
from xc.evaluate.populations import FEWEST, FEWEST_BEYOND, NUS

BY_NAME = {m.name: m for m in METRICS}


@pytest.fixture(scope="module", params=[2, 3], ids=["two", "three"])
def world(request: pytest.FixtureRequest) -> World:
    """Exclusive latents whose other decoder is small, not zero, in every class of every pair."""
    return make_classed(widths=(5,) * request.param, seed=1)


@pytest.fixture(scope="module")
def facts(world: World) -> Facts:
    return world.facts(borders=[40, 90])


def test_every_class_is_large(facts: Facts) -> None:
    for name in ("n_shared", "n_a_only", "n_b_only", "n_other"):
        assert (facts.values[name] >= 20).all(), name


@pytest.mark.parametrize("name", STATISTICS)
def test_equals_the_oracle_where_every_class_is_large(
    name: str, facts: Facts, world: World
) -> None:
    expected = np.asarray(STATISTICS[name](Dense(world)), dtype=np.float64)
    assert np.isfinite(expected).any()
    found = facts.values[name].astype(np.float64)
    moderate = ~(np.abs(expected) > 100)
    assert_same(np.where(moderate, found, 0), np.where(moderate, expected, 0), atol=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    x=st.lists(st.floats(-1e4, 1e4, width=16) | st.integers(-2, 2), min_size=2, max_size=30),
    seed=st.integers(0, 100),
)
def test_correlations_are_scipys(x: list[float], seed: int) -> None:
    column = np.array(x, dtype=np.float64)
    other = np.random.default_rng(seed).integers(0, 5, len(x)).astype(np.float64)
    for own, scipys in ((pearson, pearsonr), (spearman, spearmanr)):
        found = own(column, other)
        if np.ptp(column) == 0 or np.ptp(other) == 0:
            assert np.isnan(found)
        elif np.ptp(column) > 1e-6 * np.abs(column).max():
            assert found == pytest.approx(scipys(column, other).statistic, abs=1e-7)
    np.testing.assert_array_equal(ranks(column), rankdata(column))
    np.testing.assert_array_equal(ranks(other), rankdata(other))


def test_few_latents_give_no_statistic() -> None:
    facts = make_world(60, FEWEST + 2, seed=1).facts()
    for name in STATISTICS:
        if BY_NAME[name].bounds in ((-1.0, 1.0), (0.0, 1.0)) and "improvement" not in name:
            assert np.isnan(facts.values[name]).all(), name


@pytest.mark.parametrize("nu", NUS)
def test_latents_between_the_classes_are_taken_along_what_they_lean_to(nu: str) -> None:
    """Those of equal norms lean to neither, and those of other classes do not count."""
    rng = np.random.default_rng(0)
    n = 4 * FEWEST
    label = np.array(["other"] * (n - 10) + ["shared"] * 10)
    frequency, both = rng.random(n), rng.normal(size=(n, 1, 2))
    delta = np.tile([0.2, 0.8, 0.5, 0.35], FEWEST)
    values = {"class": label[:, None], "delta_norm": delta[:, None], "frequency": frequency}
    facts = Facts(make_world(2, n).decoder, values={**values, nu: both})
    counted = (label == "other") & (delta != 0.5)
    own = np.where(delta > 0.5, both[:, 0, 0], both[:, 0, 1])
    for kind, scipys in (("spearman", spearmanr), ("pearson", pearsonr)):
        found = BY_NAME[f"{nu}_frequency_{kind}_other"].finish({}, facts)
        expected = scipys(own[counted], frequency[counted]).statistic
        assert found == pytest.approx([expected])


def test_swapping_keeps_a_correlation_that_there_is(facts: Facts, world: World) -> None:
    """So do laws of random worlds, where a class may be too small to have one."""
    swapped = world.swapped().facts().values
    for name in STATISTICS:
        if name.endswith("_other"):
            assert np.isfinite(facts.values[name]).all()
            np.testing.assert_allclose(swapped[name][::-1], facts.values[name], atol=1e-6)


def test_nothing_is_confirmed_between_unequal_widths() -> None:
    """No latent has a ν there; between the sources of one width they are counted as always."""
    two = make_world(60, 30, widths=(6, 9), seed=2).facts()
    three = make_world(60, 30, widths=(6, 9, 6), seed=2).facts()
    assert three.pairs == ((0, 1), (0, 2), (1, 2))
    for name in ("n_a_only_nu_below", "n_b_only_nu_below"):
        assert np.isnan(two.values[name]).all()
        assert np.isnan(three.values[name]).tolist() == [True, False, True]
        assert "widths" in BY_NAME[name].undefined


def test_true_latents_are_confirmed_and_shared_ones_found_out() -> None:
    """B-only latents that A's activations do not hold, and some that they do (shrinkage)."""
    rng = np.random.default_rng(3)
    n_rows, d, width = 4000, 60, 80
    f = np.where(rng.random((n_rows, d)) < 0.1, rng.gamma(2.0, 1.0, (n_rows, d)), 0)
    W = np.linalg.qr(rng.normal(size=(width, width)))[0][:d]
    there = np.arange(d) % 2 == 0
    x = (f @ (W * there[:, None]), f @ W)
    base = make_world(n_rows, d, widths=(width, width), zero_rows=False)
    written = W * (np.arange(d) < 20)[:, None]  # the first twenty are shared, the rest B only
    true = replace(
        base,
        f=f.astype(np.float32),
        x=tuple(v.astype(np.float32) for v in x),
        W=(written.astype(np.float32), W.astype(np.float32)),
        b=tuple(np.zeros(width, np.float32) for _ in range(2)),
    )
    values = true.facts().values
    assert values["n_b_only"].tolist() == [40]
    assert values["n_b_only_nu_below"].tolist() == [20]
    found_out = values["nu_error"][20::2, 0, 0]
    assert found_out == pytest.approx(np.ones(20), abs=0.05)


def test_noise_is_worth_nothing_on_other_sequences() -> None:
    """Latents that are unrelated to the activations improve in sample, not out of it."""
    world = make_world(80, 40, widths=(30, 30), zero_rows=False, seed=9)
    rng = np.random.default_rng(1)
    world = replace(world, x=tuple(rng.normal(size=x.shape).astype(np.float32) for x in world.x))
    bare = replace(
        world,
        W=tuple(w * np.float32(1e-3) for w in world.W),
        b=tuple(np.zeros_like(b) for b in world.b),
    )
    values = bare.facts().values
    inside, outside = (
        np.nanmean(values[f"mse_improvement_error{end}"]) for end in ("", "_heldout")
    )
    assert inside > 0
    assert outside < 0


def test_latents_of_one_half_only_have_no_heldout_value() -> None:
    world = make_world(100, 20, active=0.4, zero_rows=False, seed=2)
    f = world.f.copy()
    f[world.sequence % 2 == 0, :5] = 0
    f[world.sequence % 2 == 1, 5:10] = 0
    values = replace(world, f=f).facts(borders=[33]).values["mse_improvement_error_heldout"]
    assert np.isnan(values[:10]).all()
    assert np.isfinite(values[10:][f[:, 10:].any(axis=0)]).all()


def test_a_share_of_the_central_part() -> None:
    reference = np.arange(101.0)
    values = np.concatenate([np.arange(101.0), [np.nan]])
    assert nu_overlap.share_within(values, reference, 50) == pytest.approx(51 / 101)
    scattered = np.random.default_rng(0).normal(size=(50, 37))
    for row in scattered:  # an end is a value to the last bit
        for percent, share in ((50, 0.25), (95, (1 - 95 / 100) / 2)):
            ends = np.quantile(row, [share, 1 - share])
            assert nu_overlap.share_within(np.repeat(ends, 5), row, percent) == 1.0
    assert nu_overlap.share_within(np.full(10, 1e9), reference, 95) == 0.0
    assert np.isnan(nu_overlap.share_within(values[:9], reference, 95))


@pytest.mark.parametrize(("percent", "least"), [(50, 20), (95, 200)])
def test_shared_latents_with_a_ratio_count_for_the_ends(percent: int, least: int) -> None:
    """Of the least number five lie beyond either end; one without a ν, or of A only, is none."""
    decoder = make_world(1, 4).decoder
    for name in NUS:
        for lacking in range(2):
            n = least + 3
            classes = np.array(["shared"] * least + ["a_only", "b_only", "dead"])[:, None]
            ratios = np.ones((n, 1, 2))
            ratios[:lacking] = np.nan
            facts = Facts(decoder, values={"class": classes, name: ratios})
            for side in ("a_only", "b_only"):
                overlap = BY_NAME[f"{name}_overlap_{percent}_{side}"].overlap
                assert overlap is not None
                assert (overlap.beyond(facts) >= FEWEST_BEYOND).tolist() == [lacking == 0]
