"""Latents are looked for in their own class, by the rows of the sources that own it."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from xc.evaluate.nulls.reproduced import Dictionary, Reproduction, fractions, reproduce, table

CLASSES = np.array(["shared"] * 6 + ["a_only"] * 4 + ["b_only"] * 3 + ["other", "dead"])


def dictionary(seed: int = 0, classes: np.ndarray = CLASSES) -> Dictionary:
    rng = np.random.default_rng(seed)
    return Dictionary(classes, (rng.normal(size=(15, 30)), rng.normal(size=(15, 24))))


def again(first: Dictionary, other: Dictionary) -> dict[str, Any]:
    return fractions(first, [reproduce(first, other, np.random.default_rng(1))])


def test_the_same_dictionary_in_another_order_has_them_all() -> None:
    first, order = dictionary(), np.random.default_rng(5).permutation(15)
    other = Dictionary(CLASSES[order], (first.W_dec[0][order], 2 * first.W_dec[1][order]))
    other = Dictionary(other.classes, (2 * other.W_dec[0], other.W_dec[1]))
    found = reproduce(first, other, np.random.default_rng(1))
    alive = CLASSES != "dead"
    np.testing.assert_array_equal(order[found.partner[alive]], np.flatnonzero(alive))
    np.testing.assert_allclose(found.cosine[alive], 1.0)
    assert found.partner[~alive] == -1
    shares = again(first, other)
    for name in ("shared", "a_only", "b_only", "other"):
        for suffix in ("", "_strict", "_best", "_anywhere"):
            assert shares[f"reproduced_{name}{suffix}"] == 1.0
        assert shares[f"reproduced_{name}_chance"] == 0.0


def test_another_dictionary_has_none() -> None:
    shares = again(dictionary(), dictionary(9))
    assert {v for k, v in shares.items() if not k.endswith("_ci")} == {0.0}
    assert shares["reproduced_a_only_ci"] == pytest.approx([0.0, 0.4899], abs=1e-4)  # 0 of 4


def test_an_exclusive_latent_is_known_by_its_own_source() -> None:
    first, noise = dictionary(), dictionary(9)
    other = Dictionary(CLASSES, (first.W_dec[0], noise.W_dec[1]))
    shares = again(first, other)
    assert shares["reproduced_a_only"] == 1.0
    assert shares["reproduced_b_only"] == 0.0
    assert shares["reproduced_shared_strict"] == 0.0


def test_a_latent_of_another_class_is_told_apart() -> None:
    first = dictionary()
    classes = np.where(CLASSES == "a_only", "shared", CLASSES)
    shares = again(first, Dictionary(classes, first.W_dec))
    assert shares["reproduced_a_only"] == shares["reproduced_a_only_best"] == 0.0
    assert shares["reproduced_a_only_anywhere"] == 1.0
    assert again(Dictionary(classes, first.W_dec), first)["reproduced_a_only"] is None


def test_means_over_seeds_and_the_table() -> None:
    first = dictionary()
    found = {seed: reproduce(first, dictionary(seed), np.random.default_rng(1)) for seed in (0, 9)}
    assert fractions(first, list(found.values()))["reproduced_a_only"] == 0.5
    rows = table(first, found).to_pandas()
    assert rows["latent"].tolist() == list(range(15))
    assert rows["class"].tolist() == CLASSES.tolist()
    assert rows["reproduced"][:14].tolist() == [0.5] * 14
    assert rows["partner_seed_0"][:14].tolist() == list(range(14))
    assert rows["partner_seed_9"].isna().all()
    assert rows.loc[14].drop(["latent", "class"]).isna().all()
    assert rows["cosine"][0] == pytest.approx(np.mean([f.best[0] for f in found.values()]))


def test_a_seed_without_latents_of_the_class_has_no_cosine() -> None:
    """And takes no part in the mean of those that have."""
    first = dictionary()
    without = Dictionary(np.where(CLASSES == "a_only", "shared", CLASSES), first.W_dec)
    lacking = reproduce(first, without, np.random.default_rng(1))
    found = reproduce(first, dictionary(9), np.random.default_rng(1))
    one = table(first, {0: lacking, 9: found}).to_pandas()
    own = CLASSES == "a_only"
    np.testing.assert_allclose(one["cosine"][own], found.best[own])
    assert table(first, {0: lacking}).to_pandas()["cosine"][own].isna().all()


def ends(n: int) -> np.ndarray:
    """Of the interval of 0, …, n of n latents that are found again: [found, end]."""
    first = Dictionary(np.full(n, "shared"), (np.eye(n), np.eye(n)))
    nan, no = np.full(n, np.nan), np.zeros(n, dtype=bool)
    partners = (np.where(np.arange(n) < found, 0, -1) for found in range(n + 1))
    every = (Reproduction(partner, nan, nan, nan, no) for partner in partners)
    return np.array([fractions(first, [found])["reproduced_shared_ci"] for found in every])


def held(n: int, shares: np.ndarray) -> np.ndarray:
    """How often the interval of n independent latents holds their share, exactly."""
    low, high = ends(n).T[:, :, None]
    chance = binom.pmf(np.arange(n + 1)[:, None], n, shares)
    found: np.ndarray = np.where((low <= shares) & (shares <= high), chance, 0).sum(axis=0)
    return found


@pytest.mark.parametrize("n", [20, 35, 50, 100, 400])
def test_intervals_cover(n: int) -> None:
    """Of 20 to 80, 35 is the number of latents with the lowest of all: 92.0 of 100."""
    covered = held(n, np.linspace(0.1, 0.9, 401))
    assert covered.min() >= 0.9195
    assert covered.max() <= 0.985
    assert covered.mean() == pytest.approx(0.95, abs=0.006)


def test_intervals_cover_less_often_of_few_latents_and_near_the_ends() -> None:
    """As docs/nulls.md says."""
    shares = np.linspace(0.001, 0.999, 999)
    assert held(4, np.array([0.5])) == pytest.approx(0.875)
    assert 0.83 < held(4, shares).min() < held(20, shares).min() < 0.86
    assert held(100, shares).min() > 0.90
