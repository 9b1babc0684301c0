"""How often one of two latents fires high while the other is low: one pass over the latent table.

With v = f·Σ‖d‖ and m the larger of the two latents' maxima of v over the held-out rows, a latent is
high where v/m > h and low where v/m ≤ l. The divergence of a pair is

    (#{i high, j low} + #{j high, i low}) / #{i high or j high}

(Minder et al.; their text has h 0.7 and l 0.3, their code h 0.4 and l 0.1 and maxima over the
training rows).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from xc.evaluate.blocks import Range
from xc.evaluate.clusters import RowGroups
from xc.evaluate.kept_look import Look, look
from xc.evaluate.latent_rows import LatentRows
from xc.evaluate.metric import add
from xc.evaluate.passes import Passes, digest
from xc.evaluate.reader import Reader
from xc.evaluate.scheduler import Work
from xc.evaluate.task_graph import tree

THRESHOLDS = ((0.7, 0.3), (0.4, 0.1))
"""(high, low): of the text and of the code."""

COUNTS = ("high", "apart")
"""Rows where either latent is high, and those where one is while the other is low."""

Counts = Mapping[str, np.ndarray]
"""Under `COUNTS`: float64 [group, threshold, pair]."""

KIND = "twins:1:"
"""Before the name of what is kept; another number where something else would be counted."""

_LOWEST = min(low for _, low in THRESHOLDS)
_ENTRIES = 2**22
"""Entries that are spread out over pairs at a time: 100 MB."""


@dataclass(frozen=True)
class Question:
    """Pairs of latents, and by what each one's f is multiplied to give v/m."""

    a: np.ndarray
    """int64 [pair]."""
    b: np.ndarray
    """int64 [pair]."""
    scale_a: np.ndarray
    """float64 [pair]."""
    scale_b: np.ndarray
    """float64 [pair]."""

    def __len__(self) -> int:
        return len(self.a)

    def part(self, start: int, stop: int) -> "Question":
        """Pairs [start, stop)."""
        columns = (self.a, self.b, self.scale_a, self.scale_b)
        return Question(*(column[start:stop] for column in columns))


def question(a: np.ndarray, b: np.ndarray, written: np.ndarray, maxima: np.ndarray) -> Question:
    """The pairs (a, b) with their scales.

    Args:
        a: latents [pair].
        b: latents [pair].
        written: Σ‖d‖ [latent].
        maxima: max f [latent].
    """
    largest = np.maximum(written[a] * maxima[a], written[b] * maxima[b])
    return Question(a, b, written[a] / largest, written[b] / largest)


def kept_counts(work: Work, passes: Passes, pairs: Question, groups: RowGroups) -> Counts:
    """Counts over all rows that take part; kept by pairs and scales.

    Args:
        work: a pass over the latent table.
        passes: what is kept, with these groups.
        pairs: of latents.
        groups: of rows.
    """

    def graph(blocks: Sequence[Range]) -> Any:
        return divergence_counts(work.reader, pairs, groups, blocks)

    question = digest(pairs.a, pairs.b, pairs.scale_a, pairs.scale_b)
    return look(work, passes, Look(KIND, question, "comparing twins", graph, add))


def divergence_counts(
    reader: Reader, pairs: Question, groups: RowGroups, blocks: Sequence[Range]
) -> Any:
    """Delayed counts over the rows that take part: {COUNTS: float64 [group, threshold, pair]}."""
    return tree(blocks, _Leaf(reader, pairs, groups), add)


def divergence(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Divergence, NaN where neither is ever high, and the rows where one is; shapes as given."""
    high, apart = (counts[name] for name in COUNTS)
    return np.divide(apart, high, out=np.full_like(apart, np.nan), where=high > 0), high


@dataclass(frozen=True)
class _Leaf:
    reader: Reader
    pairs: Question
    groups: RowGroups

    def __call__(self, block: Range) -> Counts:
        return reduce(add, map(self._of_piece, self.reader.pieces(*block)))

    def _of_piece(self, piece: Range) -> Counts:
        kept = self.reader.kept(*piece)
        sequence = np.asarray(self.reader.store.rows.sequence[slice(*piece)])[kept]
        latents = self.reader.latents(*piece).keep(kept)
        return count(latents, self.pairs, self.groups.of_sequence[sequence], groups=self.groups.n)


def count(
    latents: LatentRows, pairs: Question, group: np.ndarray, *, groups: int
) -> dict[str, np.ndarray]:
    """Counts over some rows: {COUNTS: float64 [group, threshold, pair]}.

    Args:
        latents: of the rows.
        pairs: of latents.
        group: int [row], from 0 on.
        groups: how many there are.
    """
    entries = _Entries.of(latents, np.concatenate([pairs.a, pairs.b]))
    sizes = entries.sizes(pairs.a) + entries.sizes(pairs.b)
    rows = _Grouped(group.astype(np.int64), groups)
    parts = [_count(entries, pairs.part(i, j), rows) for i, j in _pieces(sizes)]
    return {name: np.concatenate([part[name] for part in parts], axis=2) for name in COUNTS}


def _pieces(sizes: np.ndarray) -> list[tuple[int, int]]:
    """Ranges of pairs whose entries fit into memory together, at least one pair each."""
    fits = np.cumsum(sizes) // _ENTRIES
    borders = [0, *(np.flatnonzero(np.diff(fits)) + 1).tolist(), len(sizes)]
    return list(pairwise(borders))


@dataclass(frozen=True)
class _Entries:
    """Rows and activations of some latents, by latent and then by row."""

    latent: np.ndarray
    row: np.ndarray
    f: np.ndarray
    n_rows: int

    @classmethod
    def of(cls, latents: LatentRows, wanted: np.ndarray) -> "_Entries":
        chosen = np.zeros(latents.d_sae, dtype=bool)
        chosen[wanted] = True
        there = chosen[latents.latent]
        row = np.repeat(np.arange(latents.n_rows), latents.per_row)[there]
        latent = latents.latent[there]
        order = np.argsort(latent, kind="stable")
        f = latents.activation[there][order].astype(np.float64)
        return cls(latent[order], row[order], f, latents.n_rows)

    def sizes(self, of: np.ndarray) -> np.ndarray:
        """How many entries each latent has."""
        return np.asarray(self._stops(of) - self._starts(of))

    def _starts(self, of: np.ndarray) -> np.ndarray:
        return np.asarray(np.searchsorted(self.latent, of, side="left"))

    def _stops(self, of: np.ndarray) -> np.ndarray:
        return np.asarray(np.searchsorted(self.latent, of, side="right"))

    def spread(self, of: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Entries of a latent of each pair that are not low under any threshold.

        Returns:
            Ascending places pair·rows + row, and v/m there.
        """
        sizes = self.sizes(of)
        pair = np.repeat(np.arange(len(of)), sizes)
        before = np.repeat(np.cumsum(sizes) - sizes, sizes)
        entry = np.repeat(self._starts(of), sizes) + np.arange(len(pair)) - before
        value = self.f[entry] * scale[pair]
        up = value > _LOWEST
        return pair[up] * self.n_rows + self.row[entry[up]], value[up]


@dataclass(frozen=True)
class _Grouped:
    """The group of each row."""

    of_row: np.ndarray
    n: int

    def number(self, places: np.ndarray, pairs: int) -> np.ndarray:
        """How many of the places pair·rows + row there are, float64 [group, pair]."""
        pair, row = np.divmod(places, max(len(self.of_row), 1))
        found = np.bincount(self.of_row[row] * pairs + pair, minlength=self.n * pairs)
        return found.astype(np.float64).reshape(self.n, pairs)


def _count(entries: _Entries, pairs: Question, rows: _Grouped) -> dict[str, np.ndarray]:
    place_a, a = entries.spread(pairs.a, pairs.scale_a)
    place_b, b = entries.spread(pairs.b, pairs.scale_b)
    place, in_a, in_b = np.intersect1d(place_a, place_b, assume_unique=True, return_indices=True)
    met_a, met_b = a[in_a], b[in_b]

    def number(places: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return rows.number(places[mask], len(pairs))

    out: dict[str, list[np.ndarray]] = {name: [] for name in COUNTS}
    for high, low in THRESHOLDS:
        each = number(place_a, a > high) + number(place_b, b > high)
        met = number(place, (met_a > high) & (met_b > low)) + number(
            place, (met_b > high) & (met_a > low)
        )
        out["high"].append(each - number(place, (met_a > high) & (met_b > high)))
        out["apart"].append(each - met)
    return {name: np.stack(columns, axis=1) for name, columns in out.items()}
