"""95 % intervals of how many latents fire more seldom than a bound hold, in 90 to 99 of 100 data
sets, what so much text shows on average.

The population: of 16,384 latents nine in ten have rates spread about one row in 5,000 (a standard
deviation of 0.7 on a scale of log10), as in density histograms of real dictionaries, the others
about one in three million. Documents of 500 rows on average, of unequal length (a standard
deviation of 0.7 times the mean). A latent fires on three rows, on average, of a document in which
it fires; half of the time it does so in documents of its topic alone, of which there are 40.

Of parts of the rows: those of a role, in turns of 25 rows, of which documents have more or fewer;
and the documents of a part of the corpus. The rows told are those of the part, and there are as
many besides.
"""

from functools import cache

import numpy as np
import pytest
from simulated import Drawn
from simulated_rare import (
    USER,
    Draw,
    Rare,
    block,
    by_group,
    draw_rare,
    in_parts,
    in_turns,
)
from tiers import tiered

from xc.evaluate import METRICS
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.groups import Group, over_groups
from xc.evaluate.metric import Metric
from xc.evaluate.selection import select

N = 250
LEAST, MOST = 0.90, 0.99

MOST_OFTEN = {154_540: 3e-4, 1_545_400: 1e-4, 15_454_000: 3e-5}
"""By the number of rows: latents that fire more often are not drawn. They are in 15 documents and
more on average, or on 150 rows and more, and below no bound that is tested."""

MEASURED = [
    (154_540, "n_rarer_1e-5"),
    (1_545_400, "n_rarer_1e-5"),
    (1_545_400, "n_rarer_1e-6"),
    (15_454_000, "n_rarer_1e-5"),
    (15_454_000, "n_rarer_1e-6"),
    (15_454_000, "n_rarer_1e-7"),
]
"""Rows and number: bounds of one row and a half, of 15 and of 154."""


OF_ROLE, OF_CORPUS = Group("role", USER, "user"), Group("corpus", 1, "chat")
PARTS: dict[Group, Draw] = {OF_ROLE: in_turns, OF_CORPUS: in_parts}
MEASURED_OF_PARTS = [
    (154_540, "n_rarer_1e-5", OF_ROLE),
    (154_540, "n_rarer_1e-5", OF_CORPUS),
    (1_545_400, "n_rarer_1e-5", OF_ROLE),
    (1_545_400, "n_rarer_1e-6", OF_ROLE),
]


def counts() -> tuple[Metric, ...]:
    return select(METRICS, [m.name for m in METRICS if m.rarer_than is not None])


@cache
def drawn(rows: int) -> Drawn:
    return draw_rare(Rare.make(MOST_OFTEN[rows]), counts(), n=N, rows=rows)


MOST_ROWS = max(rows for rows, _ in MEASURED)
"""All bounds are tried on so many by `make test`, on others by `make thorough`."""


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "key"), tiered(MEASURED, lambda case: case[0] == MOST_ROWS))
def test_what_so_much_text_shows_is_held(rows: int, key: str) -> None:
    data = drawn(rows)
    assert LEAST <= data.coverage(key, data.typical(key)) <= MOST


@cache
def drawn_of(part: Group, rows: int) -> Drawn:
    population, metrics = Rare.make(MOST_OFTEN[rows]), over_groups(counts(), [part])
    return draw_rare(population, metrics, n=N, rows=rows, draw=PARTS[part])


@pytest.mark.thorough
@pytest.mark.parametrize(("rows", "key", "part"), MEASURED_OF_PARTS)
def test_what_so_much_text_of_a_part_shows_is_held(rows: int, key: str, part: Group) -> None:
    data, key = drawn_of(part, rows), key + part.suffix
    assert LEAST <= data.coverage(key, data.typical(key)) <= MOST


def test_no_count_is_left_out() -> None:
    named = {m.name for m in METRICS if m.name.startswith("n_rarer_")}
    assert {key for _, key in MEASURED} == named == {m.name for m in counts()} - {"frequency"}


def test_rows_and_rates_are_those_asked_for() -> None:
    population, rows = Rare.make(1e-4), 2_000_000
    entries = population.draw(rows, np.random.default_rng(3))
    one = block(entries, population.decoder)
    assert one.n_rows == rows == entries.lengths.sum()
    both = np.repeat(np.arange(rows), one.latents.per_row) * len(population.rate)
    both += one.latents.latent
    assert len(np.unique(both)) == len(both)
    rate = one.latents.counts.sum() / rows / population.rate.sum()
    assert 0.85 < rate < 1  # two bursts in a document are one, and short documents cut them
    sums = by_group(entries, population.decoder, counts(), 20)
    facts = finish_all(counts(), sums.totals(), Facts(population.decoder))
    np.testing.assert_array_equal(facts.values["frequency"], one.latents.counts / rows)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.suffix)
def test_parts_have_the_rows_asked_for(part: Group) -> None:
    """And the numbers of these rows alone."""
    population, rows = Rare.make(1e-4), 200_000
    entries = PARTS[part](population, rows, np.random.default_rng(6))
    label, metrics = entries.labels[part.column], over_groups(counts(), [part])
    own, all_rows = label == part.number, int(entries.lengths.sum())
    assert own.sum() == rows
    assert len(label) == all_rows == pytest.approx(2 * rows, rel=0.05)
    sums = by_group(entries, population.decoder, metrics, 20)
    found = finish_all(metrics, sums.totals(), Facts(population.decoder)).values
    fired = np.bincount(
        entries.latent[own[entries.row_of_all]], minlength=len(population.rate)
    ).astype(np.float64)
    assert found[f"n_rarer_1e-5{part.suffix}"] == (fired / rows < 1e-5).sum()
    each = [float(s["rows"][0]) for s in sums.each(f"frequency{part.suffix}")]
    assert sum(each) == rows
    assert np.std(each) > 0.1 * np.mean(each)


def test_documents_of_a_latent_are_few_and_of_its_topic() -> None:
    population = Rare.make(1e-4)
    entries = population.draw(1_000_000, np.random.default_rng(4))
    alone = np.unique(entries.document * len(population.rate) + entries.latent)
    assert len(entries.latent) / len(alone) == pytest.approx(3, rel=0.05)
    often = np.argsort(population.rate)[-400:]
    of_latent = np.zeros((len(often), len(entries.lengths)))
    for i, latent in enumerate(often):
        of_latent[i, entries.document[entries.latent == latent]] = 1
    alike = np.corrcoef(of_latent)
    topic = population.topic[often]
    same = (topic[:, None] == topic) & ~np.eye(len(often), dtype=bool)
    assert alike[same].mean() > 10 * abs(alike[topic[:, None] != topic].mean())
