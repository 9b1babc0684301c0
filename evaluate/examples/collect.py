"""One pass over the latent table for the strongest rows of the chosen latents, with context."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np

from xc.evaluate.blocks import Range
from xc.evaluate.examples.sketch import Sketch, merged, strongest
from xc.evaluate.kept_look import Look, look
from xc.evaluate.metric import Sums
from xc.evaluate.passes import Passes, digest
from xc.evaluate.reader import Reader
from xc.evaluate.scheduler import Work
from xc.evaluate.task_graph import tree

BEFORE, AFTER = 12, 6
"""Tokens of context on either side of an example."""
KIND = "examples:1:"
"""Before the name of what is kept; another number where other rows or context would be found."""


def collect(work: Work, passes: Passes, latents: np.ndarray, *, k: int) -> Sketch:
    """The k strongest rows of each latent; kept by latents and k.

    Args:
        work: a pass over the latent table.
        passes: what is kept.
        latents: int32, the latents to look for.
        k: examples per latent.
    """
    wanted = np.sort(latents)

    def graph(blocks: Sequence[Range]) -> Any:
        return example_sketch(work.reader, wanted, work.ranges, blocks=blocks, k=k)

    question = digest(wanted, np.array(k))
    return Sketch(
        **look(work, passes, Look(KIND, question, "finding examples", graph, partial(merged, k=k)))
    )


def example_sketch(
    reader: Reader, latents: np.ndarray, ranges: Sequence[Range], *, blocks: Sequence[Range], k: int
) -> Any:
    """A delayed sketch of the k strongest rows of each latent, as arrays by name.

    Args:
        reader: opens table and store.
        latents: int32, the latents to look for.
        ranges: the split's row ranges, beyond which no context is read.
        blocks: the same rows, cut into tasks.
        k: examples per latent.
    """
    leaf = _SketchLeaf(reader, np.sort(latents), tuple(ranges), k)
    return tree(blocks, leaf, partial(merged, k=k))


@dataclass(frozen=True)
class _SketchLeaf:
    reader: Reader
    latents: np.ndarray
    ranges: tuple[Range, ...]
    k: int

    def __call__(self, block: Range) -> Sums:
        found = map(self._of_piece, self.reader.pieces(*block))
        return vars(reduce(partial(Sketch.merge, k=self.k), found))

    def _of_piece(self, piece: Range) -> Sketch:
        first, last = next((a, b) for a, b in self.ranges if a <= piece[0] < b)
        start, stop = max(piece[0] - BEFORE, first), min(piece[1] + AFTER, last)
        near = _Neighbourhood.read(self.reader, self.latents, start, stop)
        inside = (near.row >= piece[0]) & (near.row < piece[1]) & near.kept[near.row - start]
        candidates = np.flatnonzero(inside)
        sequence = near.sequence[near.row - start]
        columns = (near.latent, near.row, sequence, near.activation)
        kept = candidates[strongest(*(c[candidates] for c in columns), k=self.k)]
        latent, row, sequence, activation = (column[kept] for column in columns)
        return Sketch(latent, row, sequence, activation, near.context(kept))


@dataclass(frozen=True)
class _Neighbourhood:
    """Entries of the chosen latents in the rows [start, stop), and where those rows stand."""

    start: int
    latent: np.ndarray
    row: np.ndarray
    activation: np.ndarray
    sequence: np.ndarray
    position: np.ndarray
    kept: np.ndarray

    @classmethod
    def read(cls, reader: Reader, latents: np.ndarray, start: int, stop: int) -> "_Neighbourhood":
        whole = reader.latents(start, stop)
        row = np.repeat(np.arange(start, stop), whole.per_row)
        wanted = np.isin(whole.latent, latents)
        rows = reader.store.rows
        return cls(
            start,
            whole.latent[wanted],
            row[wanted],
            whole.activation[wanted],
            np.asarray(rows.sequence[start:stop]),
            np.asarray(rows.position[start:stop]),
            reader.kept(start, stop),
        )

    def context(self, entries: np.ndarray) -> np.ndarray:
        """f of each entry's latent at the positions around it, float32 [entry, 19]."""
        out = np.zeros((len(entries), BEFORE + 1 + AFTER), dtype=np.float32)
        for i, entry in enumerate(entries):
            out[i] = self._around(int(entry))
        return out

    def _around(self, entry: int) -> np.ndarray:
        row = int(self.row[entry])
        a, b = np.searchsorted(self.row, [row - BEFORE, row + AFTER + 1])
        near = np.arange(a, b)[self.latent[a:b] == self.latent[entry]]
        here, there = row - self.start, self.row[near] - self.start
        offset = self.position[there] - self.position[here] + BEFORE
        fits = (self.sequence[there] == self.sequence[here]) & (offset >= 0)
        fits &= offset <= BEFORE + AFTER
        out = np.zeros(BEFORE + 1 + AFTER, dtype=np.float32)
        out[offset[fits]] = self.activation[near[fits]]
        return out
