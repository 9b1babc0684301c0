"""Data sets of very many rows, nearly all empty, of latents that fire about once in 100,000 rows or
much less often. Only the entries are drawn; what counts them is the evaluator's own code."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from simulated import Drawn, Sample
from worlds import make_world

from xc.evaluate.clusters import row_groups
from xc.evaluate.decoder import Decoder
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.graph import Totals, tile_totals
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.intervals import jackknife_intervals
from xc.evaluate.latent_rows import LatentRows
from xc.evaluate.metric import Metric, Pass
from xc.evaluate.reductions import reductions
from xc.evaluate.row_block import RowBlock
from xc.evaluate.scalars import scalars

LENGTH, BURST = 500, 3
"""Mean rows of a document; mean rows on which a latent fires in one in which it does."""
TOPICS = 40
HOME = 0.5
"""Share of its bursts that a latent has in documents of its topic alone."""
TURN = 25
"""Rows of a turn, all of one role."""
USER, ASSISTANT = 1, 2
"""Roles."""


@dataclass(frozen=True)
class Entries:
    """One data set: where latents fire."""

    lengths: np.ndarray
    """Rows of each document."""
    document: np.ndarray
    """Of each entry, in order."""
    row: np.ndarray
    """Of each entry, from the document's first."""
    latent: np.ndarray
    """Of each entry."""
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    """uint8, of each row of each document in turn."""

    @property
    def row_of_all(self) -> np.ndarray:
        """Of each entry, from the first document's first."""
        return (self.lengths.cumsum() - self.lengths)[self.document] + self.row

    def until(self, stop: int) -> "Entries":
        """The first rows alone."""
        ends = self.lengths.cumsum()
        n, there = int(np.searchsorted(ends, stop)) + 1, self.row_of_all < stop
        lengths = self.lengths[:n].copy()
        lengths[-1] -= ends[n - 1] - stop
        return Entries(
            lengths, self.document[there], self.row[there], self.latent[there],
            {name: column[:stop] for name, column in self.labels.items()},
        )  # fmt: skip

    def parts(self, of_document: np.ndarray, n: int) -> Iterator["Entries"]:
        """The documents of each of n parts, numbered anew."""
        own = of_document[self.document]
        order, ends = np.argsort(own, kind="stable"), np.bincount(own, minlength=n).cumsum()
        for part, entries in enumerate(np.split(order, ends[:-1])):
            there = of_document == part
            number = there.cumsum() - 1
            yield Entries(
                self.lengths[there],
                number[self.document[entries]],
                self.row[entries],
                self.latent[entries],
                {k: v[np.repeat(there, self.lengths)] for k, v in self.labels.items()},
            )


@dataclass(frozen=True)
class Rare:
    """A population of documents."""

    rate: np.ndarray
    """On what share of rows a latent fires, [latent]."""
    topic: np.ndarray
    """[latent]"""
    share: np.ndarray
    """Of all documents, those of a topic, [topic]."""

    @classmethod
    def make(cls, most: float, d_sae: int = 16_384, seed: int = 13) -> "Rare":
        """Rates as histograms of real dictionaries show them: a hump of nine in ten latents about
        one row in 5,000, and a lower one about one in three million.

        Args:
            most: latents that fire more often are not drawn.
            d_sae: how many there are with these.
            seed: of the latents.
        """
        rng = np.random.default_rng(seed)
        low = rng.random(d_sae) < 0.1
        rate = 10 ** np.where(low, rng.normal(-6.5, 0.5, d_sae), rng.normal(-3.7, 0.7, d_sae))
        rate = rate[rate <= most]
        share = 1 / np.arange(3, 3 + TOPICS)
        return cls(rate, rng.integers(0, TOPICS, len(rate)), share / share.sum())

    def draw(self, rows: int, rng: np.random.Generator) -> Entries:
        """Documents until there are so many rows; the last is cut."""
        lengths = np.ceil(rng.gamma(2.0, LENGTH / 2, 2 * rows // LENGTH + 100)).astype(np.int64)
        ends = lengths.cumsum()
        lengths = lengths[: int(np.searchsorted(ends, rows)) + 1]
        lengths[-1] -= ends[len(lengths) - 1] - rows
        latent, document = self._bursts(lengths, rng)
        # a latent bursts in a document once at most
        both = np.sort(document * len(self.rate) + latent)
        both = both[np.diff(both, prepend=-1) > 0]
        document, latent = np.divmod(both, len(self.rate))
        n = np.minimum(rng.geometric(1 / BURST, len(both)), lengths[document])
        first = rng.integers(0, lengths[document])
        within = np.arange(n.sum()) - np.repeat(n.cumsum() - n, n)
        document = np.repeat(document, n)
        row = (np.repeat(first, n) + within) % lengths[document]
        return Entries(lengths, document, row, np.repeat(latent, n))

    def _bursts(
        self, lengths: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Latent and document of each, in documents of all topics and in those of its own."""
        about = rng.choice(TOPICS, len(lengths), p=self.share)
        found = [self._spread((1 - HOME) * self.rate, np.arange(len(lengths)), lengths, rng)]
        for topic in range(TOPICS):
            rate = HOME * self.rate * (self.topic == topic) / self.share[topic]
            found.append(self._spread(rate, np.flatnonzero(about == topic), lengths, rng))
        latent, document = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return latent, document

    def _spread(
        self,
        rate: np.ndarray,
        documents: np.ndarray,
        lengths: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bursts over some documents, more in longer ones."""
        ends = lengths[documents].cumsum()
        rows = int(ends[-1]) if len(ends) else 0
        latent = np.repeat(np.arange(len(rate)), rng.poisson(rate * rows / BURST))
        at = rng.integers(0, max(rows, 1), len(latent))
        return latent, documents[np.searchsorted(ends, at, side="right")]

    @property
    def decoder(self) -> Decoder:
        """Of as many latents; what it writes is of no matter."""
        return make_world(1, len(self.rate), widths=(1, 1)).decoder


Draw = Callable[[Rare, int, np.random.Generator], Entries]
"""A population and a number of rows to a data set."""


def in_turns(population: Rare, rows: int, rng: np.random.Generator) -> Entries:
    """Documents in turns of users and assistants, in each of its own proportion, until users have
    so many rows."""
    entries = population.draw(11 * rows // 5, rng)
    ends = entries.lengths.cumsum()
    document = np.searchsorted(ends, np.arange(0, ends[-1], TURN), side="right")
    share = rng.beta(2.0, 2.0, len(ends))[document]
    role = np.where(rng.random(len(share)) < share, USER, ASSISTANT).astype(np.uint8)
    so_many = (role == USER).cumsum() * TURN
    last = int(np.searchsorted(so_many, rows))
    stop = (last + 1) * TURN - int(so_many[last] - rows)
    role = np.repeat(role[: last + 1], TURN)[:stop]
    return replace(entries.until(stop), labels={"role": role})


def in_parts(population: Rare, rows: int, rng: np.random.Generator) -> Entries:
    """Documents of two parts of a corpus, 0 and 1, of other topics; each has so many rows."""
    others = replace(population, share=population.share[::-1])
    both = [part.draw(rows, rng) for part in (others, population)]
    number = [np.full(rows, i, np.uint8) for i in range(2)]
    before = (0, len(both[0].lengths))
    return Entries(
        np.concatenate([own.lengths for own in both]),
        np.concatenate([n + own.document for n, own in zip(before, both, strict=True)]),
        np.concatenate([own.row for own in both]),
        np.concatenate([own.latent for own in both]),
        {"corpus": np.concatenate(number)},
    )


def block(entries: Entries, decoder: Decoder) -> RowBlock:
    """All rows of a data set, or of a part; there are no activations."""
    n, row = int(entries.lengths.sum()), entries.row_of_all
    indptr = np.concatenate([[0], np.bincount(row, minlength=n).cumsum()])
    latent = entries.latent[np.argsort(row, kind="stable")].astype(np.int32)
    latents = LatentRows(indptr, latent, np.ones(len(latent), np.float32), decoder.d_sae)
    sequence = np.repeat(np.arange(len(entries.lengths)), entries.lengths)
    return RowBlock(0, n, sequence, latents, decoder, tuple, (), entries.labels)


def by_group(
    entries: Entries, decoder: Decoder, metrics: Sequence[Metric], groups: int
) -> GroupSums:
    """Sums by group of documents; each document is one sequence."""
    reading = tuple(m for m in metrics if m.reads is not Pass.NONE)
    some = list(reductions(reading).values())
    n = len(entries.lengths)
    parts = row_groups(entries.lengths, np.arange(n), groups)
    cut = entries.parts(parts.of_sequence, parts.n)
    sums = [tile_totals(some, block(own, decoder)) for own in cut]

    def load(labels: Sequence[str], group: int) -> Totals:
        return {label: sums[group][label] for label in labels}

    return GroupSums(reading, parts.n, load)


def draw_rare(
    population: Rare,
    metrics: Sequence[Metric],
    *,
    n: int,
    rows: int,
    groups: int = 20,
    draw: Draw = Rare.draw,
) -> Drawn:
    """Independent data sets of so many rows, measured."""
    found, decoder = [], population.decoder
    for i in range(n):
        entries = draw(population, rows, np.random.default_rng([17, i]))
        sums = by_group(entries, decoder, metrics, groups)
        facts = finish_all(metrics, sums.totals(), Facts(decoder, seed=i))
        intervals = jackknife_intervals(metrics, sums, facts)
        found.append(Sample(scalars(metrics, facts), intervals))
    return Drawn(tuple(found), {})
