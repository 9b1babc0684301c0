"""Which rows of a split take part: read from the store once, then one bit each in memory."""

from collections.abc import Sequence

import numpy as np

from xc.store_schema import ActivationStore, RowFilter
from xc.train.shuffle import Shuffle

_RUN = 128
"""Neighbouring rows that are taken together: few enough to come from many documents."""


def kept_rows(
    store: ActivationStore,
    keys: Sequence[str],
    ranges: Sequence[tuple[int, int]],
    row_filter: RowFilter,
) -> np.ndarray:
    """bool: which rows of `ranges` take part, one range behind the other."""
    parts = [row_filter.mask(store, keys, a, b) for a, b in ranges]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=bool)


def spread_rows(rows: np.ndarray, wanted: int) -> np.ndarray:
    """About `wanted` of some rows, in runs spread evenly over all of them."""
    if len(rows) <= wanted:
        return rows
    run = min(_RUN, wanted)
    starts = np.linspace(0, len(rows) - run, max(1, wanted // run)).astype(np.int64)
    picked = np.unique(starts[:, None] + np.arange(run))
    return rows[picked]


class KeptRows:
    """The same, to be asked again and again for parts of the ranges."""

    def __init__(self, ranges: Sequence[tuple[int, int]], kept: np.ndarray) -> None:
        """Pack what `kept_rows` gave for ascending `ranges`."""
        self._lengths = lengths = np.array([b - a for a, b in ranges], dtype=np.int64)
        self._starts = np.array([a for a, _ in ranges], dtype=np.int64)
        self._offsets = np.cumsum(lengths) - lengths
        self._bits = np.packbits(kept)

    def numbers(self, start: int, stop: int) -> np.ndarray:
        """int64: the rows that take part among [start, stop), a part of one range."""
        index = int(np.searchsorted(self._starts, start, side="right")) - 1
        first = int(self._offsets[index]) + start - int(self._starts[index])
        last = first + stop - start
        bits = np.unpackbits(self._bits[first // 8 : -(-last // 8)])
        return start + np.flatnonzero(bits[first % 8 : first % 8 + stop - start])

    def counts(self, borders: np.ndarray) -> np.ndarray:
        """int64: rows that take part in each stretch between ascending rows `borders`."""
        counts = np.zeros(len(borders) - 1, dtype=np.int64)
        for start, length, offset in zip(self._starts, self._lengths, self._offsets, strict=True):
            within = np.clip(borders - start, 0, length)
            some = np.flatnonzero(np.diff(within))
            if len(some):
                bits = np.unpackbits(self._bits, count=int(offset + length))[offset:]
                bits = bits[: within[some[-1] + 1]]
                counts[some] += np.add.reduceat(bits, within[some], dtype=np.int64)
        return counts

    def of_window(self, shuffle: Shuffle, epoch: int, window: int) -> np.ndarray:
        """int64: the rows of a window, ascending."""
        n = shuffle.n_strips
        pieces = shuffle.window_pieces(epoch, window).tolist()
        found = [_strip(self.numbers(start, stop), n, strip) for start, stop, strip in pieces]
        rows = np.concatenate([np.zeros(0, dtype=np.int64), *found])
        if n > 1:  # strips of one chunk lie among each other
            rows.sort()
        return rows


def _strip(rows: np.ndarray, n: int, strip: int) -> np.ndarray:
    return rows if n == 1 else rows[rows % n == strip]
