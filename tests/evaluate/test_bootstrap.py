"""Intervals from per-sequence sums: the same as resampling rows by hand, and honest in width."""

import numpy as np
import pytest
from evaluating import make_world
from scipy import stats

from xc.evaluate.bootstrap import by_cluster, interval, intervals, resampled
from xc.evaluate.facts import Facts
from xc.evaluate.graph import tile_totals
from xc.evaluate.metrics import METRICS, l0, mse
from xc.evaluate.sequence_sums import SEQUENCE, TABLE

WORLD = make_world(300, seed=2)
FACTS = Facts(WORLD.decoder)


def bounds_of(metric: object, resamples: int = 400) -> np.ndarray | None:
    sums = tile_totals([metric], WORLD.block(0, WORLD.n_rows))[metric.name]
    return interval(metric, sums, FACTS, resamples=resamples)


@pytest.mark.parametrize("metric", [m for m in METRICS if m.statistic], ids=lambda m: m.name)
def test_holds_the_value(metric: object) -> None:
    low, high = bounds_of(metric)
    value = WORLD.facts().values[metric.name]
    assert (low < value).all()
    assert (value < high).all()


def test_equals_drawing_whole_sequences_by_hand() -> None:
    sums = l0.partial(WORLD.block(0, WORLD.n_rows))
    fired, sequences = (WORLD.f > 0).sum(axis=1), np.unique(WORLD.sequence)
    found = resampled([sums["table"]], np.random.default_rng(7), resamples=1)[0][0]
    draw = np.random.default_rng(7).integers(0, len(sequences), size=len(sequences))
    rows = np.concatenate([np.flatnonzero(WORLD.sequence == sequences[i]) for i in draw])
    np.testing.assert_allclose(found, [len(rows), fired[rows].sum()])


def test_covers_the_mean_of_new_sequences() -> None:
    """95 % intervals of a mean of sequence means hold the truth in about 95 % of worlds."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        table = np.column_stack([np.full(60, 10.0), 10 * rng.normal(size=60)])
        (totals,) = resampled([table], rng, resamples=200)
        low, high = np.quantile(totals[:, 1] / totals[:, 0], [0.025, 0.975])
        held += low < 0 < high
    assert 178 <= held <= 199


def test_percentiles_are_those_of_students_t_for_a_normal_mean() -> None:
    """Resamples of a mean vary by s²·(n − 1)/n²; t·s/√n is wanted."""
    table = np.column_stack([np.full(120, 10.0), np.random.default_rng(1).normal(size=120)])
    own = {SEQUENCE: np.arange(120), TABLE: table}
    low, high = interval(l0.METRIC, own, FACTS, resamples=20_000)
    expected = stats.t.ppf(0.975, 119) * stats.sem(table[:, 1] / 10)
    assert (high - low) / 2 == pytest.approx(expected, rel=0.02)


def test_is_the_same_for_the_same_seed() -> None:
    np.testing.assert_array_equal(bounds_of(mse.METRIC), bounds_of(mse.METRIC))


def test_those_of_several_numbers_are_those_of_each() -> None:
    """Also of parts of the rows, which some clusters lack."""
    rng, metrics = np.random.default_rng(3), [m for m in METRICS if m.statistic is not None]
    block = make_world(2000, seed=4).block(0, 2000)
    sums = {m.name: m.partial(block) for m in metrics}
    some = rng.random(len(sums["l0"][SEQUENCE])) < 0.7
    sums["l0"] = {name: column[some] for name, column in sums["l0"].items()}
    found = intervals(metrics, sums, FACTS, resamples=30)
    assert len({len(own[TABLE]) for own in sums.values()}) == 2
    for metric in metrics:
        alone = interval(metric, sums[metric.name], FACTS, resamples=30)
        np.testing.assert_array_equal(found[metric.name], alone)


def test_documents_are_drawn_whole() -> None:
    sums = l0.partial(WORLD.block(0, WORLD.n_rows))
    documents = np.arange(WORLD.sequence.max() + 1) // 5
    table = by_cluster(sums, documents)
    fired = (WORLD.f > 0).sum(axis=1)
    expected = [fired[documents[WORLD.sequence] == d].sum() for d in np.unique(documents)]
    np.testing.assert_array_equal(table[:, 1], expected)
    assert by_cluster(sums, None) is sums["table"]


def test_there_is_none_without_resamples_or_from_one_sequence() -> None:
    assert bounds_of(mse.METRIC, resamples=0) is None
    one = make_world(5)
    one.sequence[:] = 3
    sums = mse.METRIC.partial(one.block(0, 5))
    assert interval(mse.METRIC, sums, Facts(one.decoder), resamples=10) is None
    alike = np.zeros(WORLD.sequence.max() + 1, int)
    sums = mse.METRIC.partial(WORLD.block(0, WORLD.n_rows))
    assert interval(mse.METRIC, sums, FACTS, resamples=10, clusters=alike) is None


@pytest.mark.parametrize("n", [2, 5, 12, 40, 99])
def test_few_clusters_are_left_out_in_turn(n: int) -> None:
    """Percentiles would hold the mean of so few clusters far too seldom."""
    rng, held = np.random.default_rng(n), 0
    for _ in range(300):
        table = np.column_stack([np.full(n, 10.0), 10 * (1 + rng.normal(size=n))])
        found = interval(l0.METRIC, {SEQUENCE: np.arange(n), TABLE: table}, FACTS, resamples=50)
        assert found is not None
        low, high = found
        held += low <= 1 <= high
    assert 270 <= held <= 299
