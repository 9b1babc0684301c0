"""What an interval resamples: whole sequences, or whole documents; and groups of them."""

import hashlib
from dataclasses import dataclass

import numpy as np

from xc.evaluate.parts import Parts, coarse_groups
from xc.evaluate.plural import plural
from xc.store_schema import ActivationStore

SEQUENCES, DOCUMENTS, AUTO = "sequences", "documents", "auto"
UNITS = (AUTO, SEQUENCES, DOCUMENTS)
ENOUGH = 10
"""Documents from which they are taken for clusters unless told otherwise: with fewer, intervals
over documents are so wide that they say little."""
_SEED = 20
"""Of the groups. It is no setting, so that sums by group outlive another `seed`."""


@dataclass(frozen=True)
class Clusters:
    """What is resampled whole."""

    unit: str
    """sequences or documents."""
    of_sequence: np.ndarray
    """int64 [n_sequences], number of the cluster of each sequence of the store."""
    n: int
    """How many of them have measured rows."""
    note: str = ""
    """What to say of the choice, if anything."""


def choose_clusters(store: ActivationStore, rows: np.ndarray, unit: str) -> Clusters:
    """The clusters that are asked for; `auto`: documents where there are enough of them.

    Args:
        store: knows the document of each sequence.
        rows: int64 [n_sequences], rows of each sequence that take part.
        unit: one of `UNITS`.
    """
    measured = rows > 0
    by_document = np.asarray(store.sequences.document)
    n = len(np.unique(by_document[measured]))
    if unit == DOCUMENTS or (unit == AUTO and n >= ENOUGH):
        return Clusters(DOCUMENTS, by_document, n)
    single, sequences = np.arange(len(rows)), int(np.count_nonzero(measured))
    note = ""
    if unit == AUTO and n < sequences:
        note = (
            f"the {sequences} held-out sequences are of {plural(n, 'document')} only: intervals "
            "are over sequences, and too narrow where those of one document are alike "
            "(--clusters documents)"
        )
    return Clusters(SEQUENCES, single, sequences, note)


@dataclass(frozen=True, eq=False)
class RowGroups:
    """Random groups of whole clusters, as many in each."""

    of_sequence: np.ndarray
    """int16 [n_sequences], the group of each; -1 where no row takes part."""
    parts: Parts
    """By which of them sums are kept."""

    @property
    def n(self) -> int:
        """Number of groups."""
        return self.parts.groups

    @property
    def fingerprint(self) -> str:
        """Equal for equal groups and equal parts."""
        parts = np.array([self.parts.coarse] if self.parts.coarse else [], dtype=np.int64)
        told = self.of_sequence.tobytes() + parts.tobytes()
        return hashlib.sha256(told).hexdigest()[:16]


def row_groups(
    rows: np.ndarray, clusters: np.ndarray, wanted: int, *, largest: int = 0
) -> RowGroups:
    """Deal the clusters out to `wanted` groups at random, or one to each if they are fewer.

    At random, because neighbours in a store are alike: in length, source and date. Groups follow
    from the data alone, not from blocks, tiles or schedulers.

    Args:
        rows: int64 [n_sequences], rows of each sequence that take part.
        clusters: int64 [n_sequences], the cluster of each; one cluster is never cut.
        wanted: number of groups; fewer than two make one.
        largest: bytes of the largest sums that are to be kept by group.
    """
    measured = rows > 0
    found, number = np.unique(clusters[measured], return_inverse=True)
    n = max(1, min(wanted, len(found)))
    dealt = np.random.default_rng(_SEED).permutation(len(found)) % n
    group = np.full(len(rows), -1, dtype=np.int16)
    group[measured] = dealt[number]
    coarse = coarse_groups(largest, n)
    return RowGroups(group, Parts(n, coarse if coarse < n else 0))
