"""The order in which sequences are run, and the batches, both functions of their lengths alone.

Sequences of like length lie together, so that little is padded; a resumed run sees the same
batches, and so computes the same bytes.
"""

from collections.abc import Sequence

import numpy as np

SORTED_TOGETHER = 1024
"""Sequences sorted among themselves; text stays near its place in the corpus."""


def running_order(lengths: np.ndarray, split: np.ndarray) -> np.ndarray:
    """Permutation of the sequences: train first, then held out, by length within groups.

    Groups run alternately up and down, so that a batch across a border is no ragged one. Equal
    lengths keep their order.

    Args:
        lengths: tokens of each sequence, int64 [n].
        split: uint8 [n].
    """
    parts = []
    for value in np.unique(split):
        members = np.flatnonzero(split == value)
        for number, start in enumerate(range(0, len(members), SORTED_TOGETHER)):
            group = members[start : start + SORTED_TOGETHER]
            sign = 1 if number % 2 == 0 else -1
            parts.append(group[np.argsort(sign * lengths[group], kind="stable")])
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def plan_batches(
    lengths: Sequence[int], split: Sequence[int], *, budget: int
) -> list[tuple[int, int]]:
    """Cut the running order into batches: first sequence and the one after the last.

    A batch stays within a split, and within `budget` tokens once padded (a longer single sequence
    is a batch of its own).
    """
    batches = []
    first, longest = 0, 0
    for index, length in enumerate(lengths):
        longest = max(longest, length)
        crowded = longest * (index + 1 - first) > budget
        if index > first and (crowded or split[index] != split[first]):
            batches.append((first, index))
            first, longest = index, length
    if len(lengths) > first:
        batches.append((first, len(lengths)))
    return batches
