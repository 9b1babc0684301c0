"""What an interval resamples: whole sequences, or whole documents; and groups of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xc.evaluate.blocks import Range
from xc.store_schema import ActivationStore

UNITS = SEQUENCES, DOCUMENTS = "sequences", "documents"


def cluster_of(store: ActivationStore, unit: str) -> np.ndarray:
    """Number of the cluster that each sequence of the store belongs to, int64 [n_sequences]."""
    if unit == DOCUMENTS:
        return np.asarray(store.sequences.document)
    return np.arange(store.sequences.n)


@dataclass(frozen=True)
class RowGroups:
    """Contiguous groups of measured rows, about equally large, of whole clusters each."""

    borders: tuple[int, ...]
    """First store row of each group but the first."""

    @property
    def n(self) -> int:
        """Number of groups."""
        return len(self.borders) + 1

    def split(self, ranges: Sequence[Range]) -> tuple[tuple[Range, ...], ...]:
        """Row ranges, cut at the borders, by group."""
        groups: tuple[list[Range], ...] = tuple([] for _ in range(self.n))
        for start, stop in ranges:
            first, last = np.searchsorted(self.borders, [start, stop - 1], side="right")
            cuts = [start, *self.borders[first:last], stop]
            for i, group in enumerate(range(first, last + 1)):
                groups[group].append((cuts[i], cuts[i + 1]))
        return tuple(tuple(group) for group in groups)


def row_groups(
    rows: np.ndarray, clusters: np.ndarray, row_offsets: np.ndarray, wanted: int
) -> RowGroups:
    """Cut the measured rows into `wanted` groups, or as many as the clusters allow.

    Borders follow from the data alone, not from blocks, tiles or schedulers.

    Args:
        rows: int64 [n_sequences], rows of each sequence that take part.
        clusters: int64 [n_sequences], the cluster of each; one cluster is never cut.
        row_offsets: int64 [n_sequences + 1], where each sequence's rows begin in the store.
        wanted: number of groups.
    """
    measured = np.flatnonzero(rows)
    if wanted < 2 or len(measured) < 2:
        return RowGroups(())
    before = np.cumsum(rows[measured])[:-1]
    free = _between_clusters(clusters[measured])
    if not free.any():
        return RowGroups(())
    places, share = np.flatnonzero(free), before[free] / rows.sum()
    nearest = [int(np.abs(share - i / wanted).argmin()) for i in range(1, wanted)]
    chosen = measured[places[sorted(set(nearest))] + 1]
    return RowGroups(tuple(int(row) for row in row_offsets[chosen]))


def _between_clusters(clusters: np.ndarray) -> np.ndarray:
    """Whether no cluster lies on both sides of the place behind each sequence, bool [n - 1]."""
    _, number = np.unique(clusters, return_inverse=True)
    last = np.zeros(len(clusters), dtype=np.int64)
    np.maximum.at(last, number, np.arange(len(clusters)))
    reach = np.maximum.accumulate(last[number])
    return np.asarray(reach[:-1] == np.arange(len(clusters) - 1))
