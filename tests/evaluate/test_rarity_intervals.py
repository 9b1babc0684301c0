"""Intervals of counts of rare latents: against sums by hand, and where there are none."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import t
from worlds import make_world

from xc.evaluate import METRICS
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.graph import Totals
from xc.evaluate.group_sets import freedom, sets
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.groups import Group, over_groups
from xc.evaluate.intervals import STEADY, TOO_FEW, UNDEFINED, Intervals, jackknife_intervals
from xc.evaluate.metrics import frequency
from xc.evaluate.rarity_intervals import Firings, least_firings, rarity_interval
from xc.evaluate.reductions import label_of
from xc.evaluate.selection import select

LABEL = label_of(frequency.METRIC)
USER = Group("role", 1, "user")


def grouped(fired: np.ndarray, rows: np.ndarray) -> GroupSums:
    """Of firings [group, latent] and rows [group]."""

    def load(labels: Sequence[str], group: int) -> Totals:
        sums = {"fired": fired[group].astype(float), "rows": rows[group : group + 1].astype(float)}
        return dict.fromkeys(labels, sums)

    return GroupSums((frequency.METRIC,), len(fired), load)


def expected(fired: np.ndarray, rows: np.ndarray, share: float, k: int) -> list[float]:
    """By hand: least squares on the number of rows that are left."""
    n, total = len(rows), rows.sum()
    bound = next(m for m in range(10_000) if m / total >= share)
    there = [np.isin(np.arange(n), list(own), invert=True) for own in sets(n, k)]
    below = (bound - 0.5) * (n - k) / n
    found = np.array([(fired[own].sum(axis=0) < below).sum() for own in there], float)
    design = np.stack([np.ones(n), [rows[own].sum() - total / 2 for own in there]], axis=1)
    rest = found - design @ np.linalg.lstsq(design, found, rcond=None)[0]
    free = freedom(n, k)
    se = np.sqrt((n - k) / (k * n) * np.square(rest).sum() * free / (free - 1))
    value, half = (fired.sum(axis=0) / total < share).sum(), t.ppf(0.975, free - 1) * se
    return [max(value - half, 0.0), value + half]


@pytest.mark.parametrize(
    ("n", "each", "k"), [(20, 0.6, 10), (20, 0.01, 5), (16, 0.6, 8), (7, 0.6, 1)]
)
def test_equal_those_by_hand(n: int, each: float, k: int) -> None:
    """Latents that fire all over, and such as fire in bursts in one group."""
    rng = np.random.default_rng([1, n, k])
    rows = rng.integers(12_000, 20_000, n)
    there = rng.random((n, 900)) < each
    fired = there * rng.poisson(rng.gamma(1.0, 0.6 / each, 900), (n, 900))
    share = 0.6 if each > 0.1 else 0.05
    share *= n / rows.sum()
    found = rarity_interval(share, Firings(fired, rows))
    assert found is not None
    np.testing.assert_allclose(found, expected(fired, rows, share, k))


def test_the_bound_is_that_of_the_count() -> None:
    for rows in (100_000, 150_000, 299_999, 300_000, 300_001, 12_345_678):
        for share in (1e-5, 1e-4 / 3):
            whole = np.arange(2000)
            below = whole / rows < share
            np.testing.assert_array_equal(below, whole < least_firings(rows, share))


def measured(
    fired: np.ndarray, rows: np.ndarray, *parts: Group
) -> tuple[dict[str, np.ndarray], Intervals]:
    metrics = select(METRICS, ["n_rarer_1e-5"])
    metrics = (*metrics, *over_groups(metrics, parts))
    groups = grouped(fired, rows)
    groups = GroupSums(metrics, groups.n, groups.load)
    decoder = make_world(1, fired.shape[1], widths=(2, 2)).decoder
    facts = finish_all(metrics, groups.totals(), Facts(decoder))
    return dict(facts.values), jackknife_intervals(metrics, groups, facts)


def test_where_there_is_none() -> None:
    rng = np.random.default_rng(2)
    fired, many = rng.poisson(0.05, (20, 300)), np.full(20, 7_000)
    for rows, counts, why in (
        (many, fired, None),
        (many // 2, fired, UNDEFINED),
        (many, np.full((20, 300), 30), STEADY),
        (np.array([140_000]), fired.sum(axis=0, keepdims=True), TOO_FEW),
    ):
        values, found = measured(counts, rows)
        assert found.reasons.get("n_rarer_1e-5_ci") == why
        assert np.isnan(values["n_rarer_1e-5"]) == (why == UNDEFINED)


def test_there_is_one_of_few_more_rows_than_are_needed() -> None:
    """Of fewer rows, which are left when groups are left out, the count is not defined."""
    fired = np.random.default_rng(3).poisson(0.05, (20, 300))
    values, found = measured(fired, np.full(20, 5_010))
    low, high = found.ends["n_rarer_1e-5_ci"] or (0.0, 0.0)
    assert low < values["n_rarer_1e-5"] < high


def test_groups_that_lack_the_part_do_not_count() -> None:
    """The interval is that of the others alone; of one other alone there is none."""
    rng = np.random.default_rng(5)
    fired, rows = rng.poisson(0.05, (20, 300)), np.full(20, 7_000)
    some = np.arange(20) % 5 != 2
    lacking = fired * some[:, None], rows * 2 * some
    one = np.arange(20) == 7
    for part, own, why in (
        (USER, lacking, None),
        (USER, (fired * one[:, None], rows * 20 * one), TOO_FEW),
        (USER, (fired * 0, rows * 0), TOO_FEW),
    ):
        found = measured(*own, part)[1]
        assert found.reasons.get(f"n_rarer_1e-5{part.suffix}_ci") == why
    expected = measured(*(array[some] for array in lacking))[1].ends["n_rarer_1e-5_ci"]
    ends = measured(*lacking, USER)[1].ends
    assert expected is not None
    assert ends["n_rarer_1e-5_role_user_ci"] == ends["n_rarer_1e-5_ci"] == expected


def test_unequal_groups_alone_do_not_widen_it() -> None:
    """Where as many latents come of each row, whatever their group."""
    rng = np.random.default_rng(4)
    wide = []
    for rows in (np.full(20, 10_000), np.repeat([4_000, 16_000], 10)):
        halves = [
            rarity_interval(1.2e-5, Firings(rng.poisson(rows[:, None] * rate), rows))
            for rate in [np.full((1, 2000), 1e-5)] * 20
        ]
        wide.append(np.mean([both[1] - both[0] for both in halves if both is not None]))
    assert wide[1] < 1.3 * wide[0]


def test_one_long_group_hides_nothing() -> None:
    """Latents that fire in it alone: a line through the others' rows would take that away."""
    rows = np.full(20, 10_000)
    rows[0] = 60_000
    fired = np.zeros((20, 5))
    fired[0] = 3
    found = rarity_interval(1e-5, Firings(fired, rows))
    assert found is not None
    assert found[0] == 0
    assert found[1] == 5  # all there are
