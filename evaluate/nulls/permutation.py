"""Seeded permutations of rows in which no row stays in its own sequence."""

from collections.abc import Iterator, Sequence

import numpy as np

from xc.store_schema import RequestError


def derange(sequence: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A permutation p of rows with sequence[p[i]] ≠ sequence[i] for every i: int64 [n].

    Drawn evenly, then every row that fell into its own sequence changes places with one drawn from
    those where neither of the two then does. Such a row exists while no sequence has more than half
    of all rows.

    Args:
        sequence: [n], the sequence of each row.
        rng: drawn from.

    Raises:
        RequestError: if one sequence has more than half of the rows.
    """
    n = len(sequence)
    if n and np.unique(sequence, return_counts=True)[1].max() * 2 > n:
        raise RequestError(
            "one sequence has more than half of the rows, so that rows cannot all leave their "
            "sequences; take more --rows, or a store of more sequences"
        )
    order = rng.permutation(n)
    for i in np.flatnonzero(sequence[order] == sequence):
        if sequence[order[i]] == sequence[i]:  # may have moved meanwhile
            j = _partner(sequence, order, int(i), rng)
            order[i], order[j] = order[j], order[i]
    return order


def _partner(sequence: np.ndarray, order: np.ndarray, i: int, rng: np.random.Generator) -> int:
    """A row to change places with: it and what it holds are of other sequences than row i."""
    own = sequence[i]
    for j in rng.integers(0, len(order), 64):
        if sequence[j] != own and sequence[order[j]] != own:
            return int(j)
    fitting = np.flatnonzero((sequence != own) & (sequence[order] != own))
    return int(fitting[rng.integers(len(fitting))])


def windows(lengths: Sequence[int], most: int) -> Iterator[tuple[int, int]]:
    """Runs [first, last) of sequences of at most `most` rows each where that can be, at least two
    sequences in each, so that a window fits into memory and can be permuted by itself.

    The last window joins those before it, as many as it takes until it can be permuted.
    """
    found: list[tuple[int, int]] = []
    first = 0
    for last in range(1, len(lengths) + 1):
        here = lengths[first:last]
        if last < len(lengths) and (
            sum(here) + lengths[last] <= most or not _can_be_permuted(here)
        ):
            continue
        while found and not _can_be_permuted(lengths[first:last]):
            first = found.pop()[0]
        found.append((first, last))
        first = last
    yield from found


def _can_be_permuted(lengths: Sequence[int]) -> bool:
    return 2 * max(lengths) <= sum(lengths)
