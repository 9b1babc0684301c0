"""Data sets drawn again and again from one population, to see how often intervals hold its values.

A fixed crosscoder; documents of several sequences, whose rows have rates, strengths and a shift of
the activations in common. Everything after the drawing is the evaluator's own code.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from evaluating import World, make_world

from xc.evaluate.clusters import row_groups
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.graph import Totals, tile_totals
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.intervals import Intervals, bootstrap_intervals, jackknife_intervals
from xc.evaluate.metric import Metric, Pass
from xc.evaluate.reductions import reductions
from xc.evaluate.scalars import scalars

SEQUENCES, ROWS = 3, 6
"""Sequences of a document, rows of a sequence."""


@dataclass(frozen=True)
class Sample:
    """One data set: the numbers found, and their intervals."""

    values: dict[str, float]
    intervals: Intervals


@dataclass(frozen=True)
class Population:
    """What documents are drawn from."""

    world: World
    """Its weights alone are used."""
    rate: np.ndarray
    """How often a latent fires, [latent]."""

    @classmethod
    def make(cls, d_sae: int = 200, seed: int = 11) -> "Population":
        """Latents of both sources and of each alone, rates from one in 3,000 rows to one in 20."""
        rng = np.random.default_rng(seed)
        world = make_world(1, d_sae, widths=(5, 5), zero_rows=False, seed=seed)
        own = rng.permutation(d_sae)
        for w, lacking in zip(world.W, (own[:40], own[40:80]), strict=True):
            w[lacking] *= 0.02
        return cls(world, np.geomspace(0.0003, 0.05, d_sae)[rng.permutation(d_sae)])

    def draw(self, documents: int, rng: np.random.Generator) -> tuple[World, np.ndarray]:
        """A data set, and the document of each of its sequences."""
        rows, d_sae = SEQUENCES * ROWS, len(self.rate)
        n = documents * rows
        of_row = np.repeat(np.arange(documents), rows)
        often = self.rate * rng.gamma(2.0, 0.5, (documents, d_sae))
        strong = rng.gamma(8.0, 0.125, (documents, d_sae))
        f = np.where(rng.random((n, d_sae)) < often[of_row], rng.gamma(2.0, 1.0, (n, d_sae)), 0)
        f = (f * strong[of_row]).astype(np.float32)
        x = []
        for w, b in zip(self.world.W, self.world.b, strict=True):
            shift = rng.normal(scale=0.4, size=(documents, len(b)))
            noise = rng.gamma(8.0, 0.125, documents)[of_row, None] * rng.normal(size=(n, len(b)))
            x.append((f @ w + b + shift[of_row] + noise).astype(np.float32))
        sequence = np.repeat(np.arange(documents * SEQUENCES), ROWS)
        role = rng.integers(0, 4, n).astype(np.uint8)
        world = replace(self.world, f=f, x=tuple(x), sequence=sequence, role=role)
        return world, np.repeat(np.arange(documents), SEQUENCES)

    def value(self, metrics: Sequence[Metric], documents: int, seed: int) -> dict[str, float]:
        """The numbers of one large data set."""
        world, _ = self.draw(documents, np.random.default_rng(seed))
        reading = [m for m in metrics if m.reads is not Pass.NONE]
        totals = tile_totals(reading, world.block(0, world.n_rows))
        return scalars(metrics, finish_all(metrics, totals, Facts(world.decoder)))


def sample(
    world: World,
    clusters: np.ndarray,
    metrics: Sequence[Metric],
    *,
    groups: int = 20,
    resamples: int = 400,
    seed: int = 0,
) -> Sample:
    """Measure a data set as `xc evaluate` does, from memory."""
    reading = tuple(m for m in metrics if m.reads is not Pass.NONE)
    some = list(reductions(reading).values())
    rows = np.bincount(world.sequence, minlength=len(clusters))
    parts, whole = row_groups(rows, clusters, groups), world.block(0, world.n_rows)
    of_row = parts.of_sequence[world.sequence]
    sums = [tile_totals(some, whole.cut(of_row == group)) for group in range(parts.n)]

    def load(labels: Sequence[str], group: int) -> Totals:
        return {label: sums[group][label] for label in labels}

    of_groups = GroupSums(reading, len(sums), load)
    totals = of_groups.totals()
    facts = finish_all(metrics, totals, Facts(world.decoder, seed=seed))
    means = bootstrap_intervals(metrics, totals, facts, resamples=resamples, clusters=clusters)
    others = jackknife_intervals(metrics, of_groups, facts)
    return Sample(scalars(metrics, facts), means | others)


def samples(
    population: Population, metrics: Sequence[Metric], *, n: int, documents: int, **how: int
) -> Iterator[Sample]:
    """Independent data sets."""
    for i in range(n):
        world, clusters = population.draw(documents, np.random.default_rng([7, i]))
        yield sample(world, clusters, metrics, seed=i, **how)
