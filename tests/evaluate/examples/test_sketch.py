"""The sketch of strongest rows: merging in any order gives what sorting everything gives."""

from functools import reduce

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate.examples.sketch import Sketch

K = 3


def make_entries(seed: int, n: int) -> Sketch:
    rng = np.random.default_rng(seed)
    row = rng.permutation(1000)[:n]
    return Sketch(
        rng.integers(0, 4, n).astype(np.int32),
        row,
        row // 40,
        rng.integers(1, 5, n).astype(np.float32),
        np.zeros((n, 1), np.float32) + row[:, None],
    )


def by_hand(entries: Sketch) -> list[tuple[int, float, int]]:
    """(latent, activation, row), sorted, one per latent and sequence, K per latent."""
    columns = (entries.latent, -entries.activation, entries.row, entries.sequence)
    listed = sorted(zip(*(c.tolist() for c in columns), strict=True))
    seen: set[tuple[int, int]] = set()
    kept: list[tuple[int, float, int]] = []
    for latent, negative, row, sequence in listed:
        if (latent, sequence) in seen or sum(k[0] == latent for k in kept) == K:
            continue
        seen.add((latent, sequence))
        kept.append((latent, -negative, row))
    return kept


def told(sketch: Sketch) -> list[tuple[int, float, int]]:
    columns = (sketch.latent, sketch.activation, sketch.row)
    return list(zip(*(c.tolist() for c in columns), strict=True))


@given(st.integers(0, 500), st.integers(0, 60), st.permutations(range(5)))
def test_any_partition_and_order_gives_the_strongest(seed: int, n: int, order: list[int]) -> None:
    entries = make_entries(seed, n)
    part = np.random.default_rng(seed).integers(0, 5, n)
    pieces = [entries.take(np.flatnonzero(part == i)).strongest(K) for i in order]
    merged = reduce(lambda a, b: a.merge(b, k=K), pieces)
    assert told(merged) == by_hand(entries)
    np.testing.assert_array_equal(merged.context[:, 0], merged.row)
