"""The k strongest rows of some latents, as a value that merges in any order.

At most one row per latent and sequence: the strongest, and of equals the earliest. Equal
activations are ordered by row, so that the order of merging cannot show.
"""

from dataclasses import dataclass

import numpy as np

from xc.evaluate.metric import Sums


@dataclass(frozen=True)
class Sketch:
    """Entries sorted by latent, then activation downwards, then row."""

    latent: np.ndarray
    """int32 [entry]."""
    row: np.ndarray
    """int64 [entry]."""
    sequence: np.ndarray
    """int64 [entry]."""
    activation: np.ndarray
    """float32 [entry]."""
    context: np.ndarray
    """float32 [entry, before + 1 + after]: the latent's f at the positions around the row."""

    def take(self, entries: np.ndarray) -> "Sketch":
        """Some entries, in the order given."""
        return Sketch(*(column[entries] for column in self._columns()))

    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.latent, self.row, self.sequence, self.activation, self.context

    def merge(self, other: "Sketch", *, k: int) -> "Sketch":
        """The k strongest of both."""
        pairs = zip(self._columns(), other._columns(), strict=True)
        return Sketch(*(np.concatenate(pair) for pair in pairs)).strongest(k)

    def strongest(self, k: int) -> "Sketch":
        """The k strongest of each latent, one per sequence."""
        return self.take(strongest(self.latent, self.row, self.sequence, self.activation, k=k))


def merged(left: Sums, right: Sums, *, k: int) -> Sums:
    """The same of two sketches as arrays by name."""
    return vars(Sketch(**left).merge(Sketch(**right), k=k))


def strongest(
    latent: np.ndarray, row: np.ndarray, sequence: np.ndarray, activation: np.ndarray, *, k: int
) -> np.ndarray:
    """Indices of the k strongest entries of each latent, one per sequence, in sketch order."""
    by_sequence = np.lexsort((row, -activation, sequence, latent))
    first = _starts(latent[by_sequence], sequence[by_sequence])
    kept = by_sequence[first]
    order = kept[np.lexsort((row[kept], -activation[kept], latent[kept]))]
    found: np.ndarray = order[_rank(latent[order]) < k]
    return found


def _starts(*keys: np.ndarray) -> np.ndarray:
    """Where sorted keys begin anew, bool."""
    changed = np.zeros(len(keys[0]), dtype=bool)
    changed[:1] = True
    for key in keys:
        changed[1:] |= np.diff(key) != 0
    return changed


def _rank(groups: np.ndarray) -> np.ndarray:
    """0, 1, 2, … within each run of equal values."""
    starts = np.flatnonzero(_starts(groups))
    lengths = np.diff(np.append(starts, len(groups)))
    return np.arange(len(groups)) - np.repeat(starts, lengths)
