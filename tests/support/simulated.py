"""Data sets drawn again and again from one population, to see how often intervals hold its values.

A fixed crosscoder; documents of several sequences, whose rows have rates, strengths and a shift of
the activations in common. Everything after the drawing is the evaluator's own code.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from evaluating import World, make_world

from xc.evaluate.class_thresholds import MINDER, ClassThresholds
from xc.evaluate.clusters import row_groups
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.graph import Totals, combine_totals, tile_totals
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.intervals import Intervals, bootstrap_intervals, jackknife_intervals
from xc.evaluate.metric import Metric, Pass, Sums
from xc.evaluate.reductions import reductions
from xc.evaluate.scalars import scalars

SEQUENCES, ROWS = 3, 6
"""Sequences of a document, rows of a sequence."""

WIDTH = 12
"""d_model of the dense population."""

TEMPLATE = 3
"""The role of tokens of a chat template."""


@dataclass(frozen=True)
class Sample:
    """One data set: the numbers found, and their intervals."""

    values: dict[str, float]
    intervals: Intervals


@dataclass(frozen=True)
class Population:
    """What documents are drawn from: sparse, as real crosscoders are."""

    world: World
    """Its weights alone are used."""
    rate: np.ndarray
    """How often a latent fires, [latent]."""

    @property
    def partition(self) -> tuple[dict[str, Any], ...]:
        """Groups of latents: two halves."""
        middle, both = len(self.rate) // 2, {"sources": [0, 1], "penalty": 1.0, "tied": False}
        sizes = {"shared": (0, middle), "plain": (middle, len(self.rate))}
        return tuple({"name": k, "start": a, "stop": b, **both} for k, (a, b) in sizes.items())

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
        fires = rng.random((n, d_sae)) < often[of_row]
        f = (rng.gamma(2.0, 1.0, (n, d_sae)) * strong[of_row]).astype(np.float32) * fires
        x = _activations(self.world, self.world.W, f, of_row, rng)
        return _data_set(self.world, f, x, rng.integers(0, 4, n)), _of_sequence(documents)

    def value(self, metrics: Sequence[Metric], documents: int, seed: int) -> dict[str, float]:
        """The numbers of one large data set."""
        world, _ = self.draw(documents, np.random.default_rng(seed))
        totals = tile_totals(_reading(metrics), world.block(0, world.n_rows))
        return scalars(metrics, finish_all(metrics, totals, Facts(world.decoder)))


@dataclass(frozen=True)
class Settled(Population):
    """Dense: a latent fires on hundreds of rows or in no document but a few, so that what is said
    of it alone (ν, its share of template tokens) does not go in steps."""

    truth: tuple[np.ndarray, ...]
    """Per source, what rows are made of, [latent, d_model]; `world.W` is what was learned."""
    topical: np.ndarray
    """In what share of documents a latent fires at all, [latent]."""
    liking: np.ndarray
    """How much oftener it fires on tokens of a template than on others, [latent]."""
    even: float
    """How alike documents are in how many latents fire: mean² over variance."""

    @classmethod
    def make(
        cls,
        d_sae: int = 320,
        seed: int = 12,
        *,
        rare: int = 200,
        often: float = 1.0,
        even: float = 20.0,
    ) -> "Settled":
        """Decoders of all classes, cosines and norms spread; exclusive latents that the other
        source has in part, as after complete shrinkage. `often`: how many times oftener all fire.
        """
        rng = np.random.default_rng(seed)
        world = make_world(1, d_sae, widths=(WIDTH, WIDTH), zero_rows=False, seed=seed)
        a, b, part = _pairs_of_rows(d_sae, rng)
        seen = rng.uniform(0.8, 1.2, (2, d_sae, 1))
        truth = (seen[0] * a + part[0] * b, seen[1] * b + part[1] * a)
        rate, topical = rng.uniform(0.02, 0.12, d_sae), np.ones(d_sae)
        few = rng.permutation(d_sae)[:rare]
        rate[few], topical[few] = 0.25, np.geomspace(0.001, 0.02, rare)
        liking = np.exp(rng.normal(0.7, 0.6, d_sae))
        w = (a.astype(np.float32), b.astype(np.float32))
        encoders = tuple((v + rng.normal(scale=0.5, size=v.shape)).T for v in w)
        world = replace(world, W=w, encoders=encoders)
        return cls(world, often * rate, truth, topical, liking, even)

    def draw(self, documents: int, rng: np.random.Generator) -> tuple[World, np.ndarray]:
        """A data set, and the document of each of its sequences."""
        rows, d_sae = SEQUENCES * ROWS, len(self.rate)
        n = documents * rows
        of_row = np.repeat(np.arange(documents), rows)
        role = _roles(documents, rows, rng)
        there = rng.random((documents, d_sae)) < self.topical
        often = there * self.rate * rng.gamma(4.0, 0.25, (documents, d_sae))
        often *= rng.gamma(self.even, 1 / self.even, (documents, 1))
        lifted = np.where(role[:, None] == TEMPLATE, self.liking, 1.0)
        fires = rng.random((n, d_sae)) < often[of_row] * lifted / (0.75 + 0.25 * self.liking)
        strong = rng.gamma(8.0, 0.125, (documents, d_sae))[of_row]
        f = (strong * rng.gamma(4.0, 0.5, (n, d_sae))).astype(np.float32) * fires
        x = _activations(self.world, self.truth, f, of_row, rng)
        return _data_set(self.world, f, x, role), _of_sequence(documents)


def _pairs_of_rows(
    d_sae: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decoder rows of both sources, and what of the other's each source has beside its own.

    Of ten latents four are shared, two of each source alone, two neither.
    """
    kind = rng.permutation(np.arange(d_sae) % 10)
    a, side = rng.normal(size=(2, d_sae, WIDTH))
    cosine = rng.uniform(0.3, 1.0, (d_sae, 1))
    side -= a * (np.vecdot(a, side) / np.vecdot(a, a))[:, None]
    side *= (np.linalg.norm(a, axis=1) / np.linalg.norm(side, axis=1))[:, None]
    b = cosine * a + np.sqrt(1 - cosine**2) * side
    shared, a_only, b_only = kind < 4, (kind == 4) | (kind == 5), (kind == 6) | (kind == 7)
    ratio = rng.uniform(0.25, 0.75, d_sae)
    ratio[shared] = rng.uniform(0.85, 1.0, shared.sum())
    ratio[a_only | b_only] = rng.uniform(0.03, 0.18, (a_only | b_only).sum())
    weaker = np.where(a_only, True, np.where(b_only, False, rng.random(d_sae) < 0.5))
    part = rng.uniform(-0.35, 1.05, (2, d_sae, 1)).clip(0)
    part[0, ~b_only], part[1, ~a_only] = 0, 0
    return np.where(weaker, 1, ratio)[:, None] * a, np.where(weaker, ratio, 1)[:, None] * b, part


def _roles(documents: int, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Of each row; documents differ in how many of each they have."""
    share = rng.dirichlet(np.full(4, 4.0), documents).cumsum(axis=1)
    return (rng.random((documents, rows, 1)) > share[:, None, :3]).sum(axis=2).ravel()


def _activations(
    world: World,
    truth: Sequence[np.ndarray],
    f: np.ndarray,
    of_row: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """Rows per source; their documents have a shift and a size of the noise in common."""
    out, documents = [], int(of_row[-1]) + 1
    for w, b in zip(truth, world.b, strict=True):
        shift = rng.normal(scale=0.4, size=(documents, len(b)))
        size = rng.gamma(8.0, 0.125, documents)[of_row, None]
        noise = size * rng.normal(size=(len(f), len(b)))
        out.append((f @ w + b + shift[of_row] + noise).astype(np.float32))
    return tuple(out)


def _data_set(world: World, f: np.ndarray, x: tuple[np.ndarray, ...], role: np.ndarray) -> World:
    sequence = np.repeat(np.arange(len(f) // ROWS), ROWS)
    return replace(world, f=f, x=x, sequence=sequence, role=role.astype(np.uint8))


def _of_sequence(documents: int) -> np.ndarray:
    return np.repeat(np.arange(documents), SEQUENCES)


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
    _, sums = group_sums(world, clusters, metrics, groups)
    facts = Facts(world.decoder, seed=seed)
    return _measured(sums.totals(), sums, facts, clusters, metrics, resamples=resamples)


@dataclass(frozen=True)
class Drawn:
    """Data sets of one population."""

    samples: tuple[Sample, ...]
    """Independent of one another."""
    pooled: dict[str, float]
    """The numbers of all their rows together."""

    def coverage(self, key: str, value: float) -> float:
        """In what share of the data sets the interval of a number is there and holds a value."""
        ends = [s.intervals.ends[f"{key}_ci"] for s in self.samples]
        return float(np.mean([e is not None and e[0] <= value <= e[1] for e in ends]))

    def typical(self, key: str, average: Callable[[list[float]], Any] = np.mean) -> float:
        """What so many rows show on average."""
        return float(average([s.values[key] for s in self.samples]))


def draw(
    population: Population,
    metrics: Sequence[Metric],
    *,
    n: int,
    documents: int,
    groups: int = 20,
    resamples: int = 400,
    thresholds: ClassThresholds = MINDER,
) -> Drawn:
    """Independent data sets, measured."""
    found, totals = [], {}
    decoder = replace(population.world.decoder, partition=population.partition)
    facts = Facts(decoder, thresholds=thresholds)
    for i in range(n):
        world, clusters = population.draw(documents, np.random.default_rng([7, i]))
        _, sums = group_sums(world, clusters, metrics, groups)
        seeded, more = replace(facts, seed=i), sums.totals()
        found.append(_measured(more, sums, seeded, clusters, metrics, resamples=resamples))
        totals = combine_totals(_reading(metrics), totals, more) if totals else more
    pooled = scalars(metrics, finish_all(metrics, totals, facts))
    return Drawn(tuple(found), pooled)


def _reading(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    return tuple(m for m in metrics if m.reads is not Pass.NONE)


def group_sums(
    world: World, clusters: np.ndarray, metrics: Sequence[Metric], groups: int
) -> tuple[np.ndarray, GroupSums]:
    """The group of each row, and the sums by group."""
    some = list(reductions(_reading(metrics)).values())
    rows = np.bincount(world.sequence, minlength=len(clusters))
    parts, whole = row_groups(rows, clusters, groups), world.block(0, world.n_rows)
    of_row = parts.of_sequence[world.sequence]
    sums = [tile_totals(some, whole.cut(of_row == group)) for group in range(parts.n)]

    def load(labels: Sequence[str], group: int) -> Totals:
        return {label: sums[group][label] for label in labels}

    return of_row, GroupSums(_reading(metrics), len(sums), load)


def _measured(
    totals: Mapping[str, Sums],
    sums: GroupSums,
    facts: Facts,
    clusters: np.ndarray,
    metrics: Sequence[Metric],
    *,
    resamples: int,
) -> Sample:
    facts = finish_all(metrics, totals, facts)
    means = bootstrap_intervals(metrics, totals, facts, resamples=resamples, clusters=clusters)
    return Sample(scalars(metrics, facts), means | jackknife_intervals(metrics, sums, facts))
