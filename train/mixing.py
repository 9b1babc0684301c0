"""How well a stream mixes: pairs of rows of one sequence in a batch, beside a true global shuffle.

Rows of one sequence are alike, so that a batch with many of them says less than its size. In a
permutation of all n rows two rows of a batch are of one sequence with probability
Σ n_s(n_s − 1) / n(n − 1), for n_s rows of sequence s. Here the same is computed of the batches that
a shuffle deals out: exactly, in expectation over the permutations within the parts of a window, for
the pieces as they are dealt. 1 is as good as a global shuffle, below 1 is better.
"""

from collections.abc import Callable, Iterator

import numpy as np

from xc.train.kept import KeptRows
from xc.train.shuffle import Shuffle

BAR = 1.05
"""Up to here batches count as mixed."""

_WINDOWS = 4
"""Windows that are looked at where there are more: they are drawn alike."""
_DOUBLINGS = 3
"""Of what is asked for, within which more strips are looked for: beyond, reading takes too long."""


def mixing(
    shuffle: Shuffle,
    kept: KeptRows,
    row_offsets: np.ndarray,
    *,
    batch: int,
    windows: int = _WINDOWS,
) -> float:
    """Same-sequence pairs in the batches of an epoch, over those of a global shuffle.

    Args:
        shuffle: the order.
        kept: rows that take part.
        row_offsets: first row of each sequence of the store, and the number of its rows.
        batch: rows of a batch.
        windows: how many of the first windows are looked at.
    """
    if shuffle.n_windows == 1:
        return 1.0
    everything = _global_share(kept, row_offsets)
    return _share(shuffle, kept, row_offsets, batch, windows) / everything if everything else 1.0


def best_mixed(
    shuffle: Callable[[int], Shuffle],
    kept: KeptRows,
    row_offsets: np.ndarray,
    *,
    batch: int,
    most_strips: int,
) -> tuple[Shuffle, float]:
    """The shuffle of the fewest strips that mixes well, else the one that mixes best; its figure.

    Args:
        shuffle: makes one, of a number of strips.
        kept: as for `mixing`.
        row_offsets: as for `mixing`.
        batch: rows of a batch.
        most_strips: up to here 1, 2, 4, … are tried.
    """
    tried: list[tuple[float, Shuffle]] = []
    strips = 1
    while strips <= most_strips and not (tried and tried[-1][0] <= BAR):
        made = shuffle(strips)
        tried.append((mixing(made, kept, row_offsets, batch=batch), made))
        strips *= 2
    figure, best = min(tried, key=lambda pair: pair[0])
    return best, figure


def strips_enough(
    shuffle: Callable[[int], Shuffle],
    kept: KeptRows,
    row_offsets: np.ndarray,
    *,
    batch: int,
    beyond: int,
) -> int | None:
    """The fewest strips that mix well, among 2, 4, … times `beyond`; None if none of these do.

    A batch has at most a row of each text once strips times the rows of a window are about the rows
    of a chunk times those of a batch.
    """
    more = (beyond * 2**i for i in range(1, _DOUBLINGS + 1))
    found = (n for n in more if mixing(shuffle(n), kept, row_offsets, batch=batch) <= BAR)
    return next(found, None)


def _global_share(kept: KeptRows, row_offsets: np.ndarray) -> float:
    counts = kept.counts(row_offsets).astype(np.float64)
    n = counts.sum()
    return float((counts * (counts - 1)).sum() / (n * (n - 1))) if n > 1 else 0.0


def _share(
    shuffle: Shuffle, kept: KeptRows, row_offsets: np.ndarray, batch: int, windows: int
) -> float:
    """Of the pairs in whole batches, the part that is expected to be of one sequence."""
    same, taken = [0.0], 0  # ordered pairs of one sequence that are expected in each batch
    filling: list[tuple[np.ndarray, int]] = []
    for part in _parts(shuffle, kept, row_offsets, windows):
        left = len(part)
        alone = _pairs_within(part) / max(1, left * (left - 1))
        while left:
            n = min(left, batch - taken)
            across = sum(2 * n * m * _share_across(part, other) for other, m in filling)
            same[-1] += n * (n - 1) * alone + across
            filling.append((part, n))
            left, taken = left - n, taken + n
            if taken == batch:
                taken = 0
                filling.clear()
                same.append(0.0)
    pairs = (len(same) - 1) * batch * (batch - 1)  # the last batch is not whole
    return sum(same[:-1]) / pairs if pairs else 0.0


def _parts(
    shuffle: Shuffle, kept: KeptRows, row_offsets: np.ndarray, windows: int
) -> Iterator[np.ndarray]:
    """Sequences of the rows that are permuted among each other, ascending, in their order."""
    for window in range(min(windows, shuffle.n_windows)):
        rows = kept.of_window(shuffle, 0, window)
        sequence = np.searchsorted(row_offsets, rows, side="right") - 1
        parts = shuffle.spread(0, window)
        for part in parts.tolist():
            yield sequence[part :: len(parts)]


def _pairs_within(sequences: np.ndarray) -> float:
    """Ordered pairs of one sequence among ascending ones."""
    _, counts = np.unique(sequences, return_counts=True)
    return float((counts.astype(np.float64) * (counts - 1)).sum())


def _share_across(a: np.ndarray, b: np.ndarray) -> float:
    """Probability that a row of one part and one of the other are of one sequence."""
    found = np.searchsorted(b, a, side="right") - np.searchsorted(b, a, side="left")
    return float(found.sum() / (len(a) * len(b)))
