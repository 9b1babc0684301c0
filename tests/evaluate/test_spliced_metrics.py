"""Numbers of spliced passes against plain NumPy, and their intervals against a bootstrap of one."""

from functools import reduce
from itertools import pairwise

import numpy as np
import pytest

from xc.evaluate.bootstrap import interval
from xc.evaluate.decoder import Decoder
from xc.evaluate.facts import Facts
from xc.evaluate.metrics import METRICS
from xc.evaluate.sequence_sums import SEQUENCE, TABLE, merge
from xc.evaluate.spliced_metrics import FEATURES, SPLICED

BY_NAME = {metric.name: metric for metric in SPLICED}


def facts(n_sources: int = 2, seed: int = 0) -> Facts:
    ones = tuple(np.ones((1, 1), np.float32) for _ in range(n_sources))
    zeros = tuple(np.zeros(1, np.float32) for _ in range(n_sources))
    return Facts(Decoder(ones, zeros, (1.0,) * n_sources, zeros), seed=seed)


def losses(n: int = 70, n_sources: int = 2, seed: int = 0) -> np.ndarray:
    """Sums of sequences of unequal length, [sequence, source, feature]."""
    rng = np.random.default_rng(seed)
    predicted = rng.integers(1, 60, (n, n_sources)).astype(float)
    clean = predicted * rng.gamma(9.0, 0.3, (n, n_sources))
    spliced = clean + predicted * rng.gamma(2.0, 0.1, (n, n_sources))
    zero = predicted * rng.gamma(90.0, 0.1, (n, n_sources))
    parts = (predicted, clean, spliced, zero, predicted + 1, predicted)
    return np.stack(parts, axis=-1)


def sums_of(table: np.ndarray) -> dict[str, np.ndarray]:
    return {SEQUENCE: np.arange(len(table)) + 5, TABLE: table.reshape(len(table), -1)}


def oracle(table: np.ndarray) -> dict[str, np.ndarray]:
    """By name [source], of [sequence, source, feature]."""
    t = dict(zip(FEATURES, np.moveaxis(table.sum(axis=0), -1, 0), strict=True))
    clean, spliced, zero = (t[name] / t["predicted"] for name in ("clean", "spliced", "zero"))
    return {
        "ce_clean": clean, "ce_spliced": spliced, "ce_zero": zero, "ce_delta": spliced - clean,
        "ce_recovered": 1 - (spliced - clean) / (zero - clean),
        "ce_replaced": t["replaced"] / t["positions"],
    }  # fmt: skip


@pytest.mark.parametrize("n_sources", [1, 2, 3])
def test_values_are_of_sums_over_all_tokens(n_sources):
    table = losses(n_sources=n_sources)
    wanted = oracle(table)
    assert wanted.keys() == BY_NAME.keys()
    for name, metric in BY_NAME.items():
        found = metric.finish(sums_of(table), facts(n_sources))
        np.testing.assert_allclose(found, wanted[name], rtol=1e-12)
        assert ((metric.bounds[0] <= found) & (found <= metric.bounds[1])).all()


each = pytest.mark.parametrize("metric", SPLICED, ids=lambda m: m.name)


@each
@pytest.mark.parametrize("n_sources", [1, 2, 3])
@pytest.mark.parametrize("cuts", [(1,), (20, 21, 50), tuple(range(5, 70, 5))], ids=str)
def test_any_partition_of_the_sequences_in_any_order_gives_the_same(metric, n_sources, cuts):
    """Also one that goes through sequences, whose parts are added up."""
    sums = sums_of(losses(n_sources=n_sources))
    half = {**sums, TABLE: sums[TABLE] / 2}
    parts = [
        {name: array[a:b] for name, array in of.items()}
        for of in (half, half) for a, b in pairwise([0, *cuts, 70])
    ]  # fmt: skip
    order = np.random.default_rng(len(cuts)).permutation(len(parts))
    merged = reduce(merge, [parts[i] for i in order])
    whole = metric.finish(sums, facts(n_sources))
    np.testing.assert_allclose(metric.finish(merged, facts(n_sources)), whole, rtol=1e-12)


@each
@pytest.mark.parametrize("n_sources", [2, 3])
def test_sources_that_change_places_take_their_numbers_with_them(metric, n_sources):
    table, order = losses(n_sources=n_sources), np.arange(n_sources)[::-1]
    turned = metric.finish(sums_of(table[:, order]), facts(n_sources))
    plain = metric.finish(sums_of(table), facts(n_sources))
    np.testing.assert_array_equal(turned, plain[order])
    assert len(set(plain)) == n_sources


def test_nothing_lost_recovers_all_and_zeros_recover_nothing():
    table = losses()
    table[:, 0, FEATURES.index("spliced")] = table[:, 0, FEATURES.index("clean")]
    table[:, 1, FEATURES.index("spliced")] = table[:, 1, FEATURES.index("zero")]
    assert BY_NAME["ce_recovered"].finish(sums_of(table), facts()).tolist() == [1.0, 0.0]
    assert BY_NAME["ce_delta"].finish(sums_of(table), facts())[0] == 0


def test_where_zeros_cost_nothing_there_is_no_share():
    table = losses()
    table[..., FEATURES.index("zero")] = table[..., FEATURES.index("clean")]
    assert np.isnan(BY_NAME["ce_recovered"].finish(sums_of(table), facts())).all()


def test_a_source_without_losses_leaves_the_other_as_it_is():
    whole, half = losses(), losses()
    half[:, 0] = 0
    for metric in SPLICED:
        alone = metric.finish(sums_of(half), facts())
        assert np.isnan(alone[0])
        assert alone[1] == metric.finish(sums_of(whole), facts())[1]
        both = interval(metric, sums_of(half), facts(), resamples=20)
        assert np.isnan(both[:, 0]).all()
        assert np.isfinite(both[:, 1]).all()


@pytest.mark.parametrize("name", list(BY_NAME))
def test_intervals_are_percentiles_of_resampled_ratios(name):
    table = losses(n=300)
    found = interval(BY_NAME[name], sums_of(table), facts(), resamples=2000)
    rng = np.random.default_rng(123)
    drawn = [oracle(table[rng.integers(0, 300, 300)])[name] for _ in range(2000)]
    wanted = np.quantile(drawn, [0.025, 0.975], axis=0)
    width = wanted[1] - wanted[0]
    assert (np.abs(found - wanted) < 0.1 * width).all()


def test_intervals_are_over_clusters_where_told():
    """Sequences of one document that are copies say no more than one of them."""
    table = np.repeat(losses(n=60), 5, axis=0)
    clusters = np.concatenate([np.zeros(5, np.int64), np.repeat(np.arange(60), 5)])
    metric = BY_NAME["ce_delta"]
    wide = interval(metric, sums_of(table), facts(), resamples=500, clusters=clusters)
    narrow = interval(metric, sums_of(table), facts(), resamples=500)
    ratio = np.ptp(wide, axis=0) / np.ptp(narrow, axis=0)
    assert ((ratio > 1.8) & (ratio < 2.8)).all()  # √5


def test_names_are_of_no_other_metric():
    assert not BY_NAME.keys() & {metric.name for metric in METRICS}


@pytest.mark.parametrize("metric", SPLICED, ids=lambda m: m.name)
def test_texts_are_sentences(metric):
    for text in (metric.summary, metric.formula, metric.meaning, metric.misleads):
        assert text.endswith(".")


def test_both_conventions_are_stated():
    formula = BY_NAME["ce_recovered"].formula
    assert "mask drops keep their original activation" in formula
    assert "zero ablation covers every position" in formula
