"""Every pair of sources that was asked for together, compared on a sample of the store's rows."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from xc.store_schema.places import Place
from xc.store_schema.similarity import similarity
from xc.store_schema.source import BETWEEN_KEYS
from xc.store_schema.store_layout import cut
from xc.store_schema.stored_array import StoredArray

MOST_ROWS = 4096
"""Enough for a first answer; the seal of a short harvest should not wait for it."""
_MOST_CHUNKS = 128
"""Chunks are read whole, so that a large store costs no more than these."""
_SEED = 0
_DIGITS = 6
"""Behind the point; further ones depend on the machine's way to sum."""


def compare(
    store: Place, tuples: Sequence[Sequence[str]], attributes: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Linear CKA and SVCCA of each pair of distinct sources of a tuple, by `A|B`.

    The sample is the same in every store of this text: it depends on mask and sinks only.

    Args:
        store: with every shard and the sinks of every source in place.
        tuples: keys that were asked for together, A first.
        attributes: of the store; read are `n_rows` and `chunk_rows`.

    Raises:
        DamageError: if a file cannot be read.
    """
    n_rows, chunk_rows = int(attributes["n_rows"]), int(attributes["chunk_rows"])
    ranges = _sampled_ranges(n_rows, chunk_rows)
    return {pair_name(a, b): _compared(store, a, b, ranges) for a, b in pairs(tuples)}


def pair_name(a: str, b: str) -> str:
    """`A|B`."""
    return f"{a}{BETWEEN_KEYS}{b}"


def pairs(tuples: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    """Pairs of distinct keys that stand in one tuple, each once, as first named."""
    found: dict[frozenset[str], tuple[str, str]] = {}
    for keys in tuples:
        for a, b in combinations(dict.fromkeys(keys), 2):
            found.setdefault(frozenset((a, b)), (a, b))
    return list(found.values())


def _compared(store: Place, a: str, b: str, ranges: list[tuple[int, int]]) -> dict[str, Any]:
    sources = [StoredArray(store, f"activations/{key}") for key in (a, b)]
    kept = _sample(store, (a, b), ranges, MOST_ROWS)
    found = similarity(*(_read(source, ranges, kept) for source in sources))
    return {
        name: round(value, _DIGITS) if isinstance(value, float) else value
        for name, value in vars(found).items()
    }


def _sampled_ranges(n_rows: int, chunk_rows: int) -> list[tuple[int, int]]:
    """Row ranges of some chunks, evenly likely, in order; neighbours make one range."""
    chunks = cut(0, n_rows, chunk_rows)
    if len(chunks) > _MOST_CHUNKS:
        chosen = np.random.default_rng(_SEED).choice(len(chunks), _MOST_CHUNKS, replace=False)
        chunks = [chunks[i] for i in np.sort(chosen)]
    ranges: list[tuple[int, int]] = []
    for start, stop in chunks:
        first = ranges.pop()[0] if ranges and ranges[-1][1] == start else start
        ranges.append((first, stop))
    return ranges


def _sample(
    store: Place, keys: Sequence[str], ranges: list[tuple[int, int]], most: int
) -> np.ndarray:
    """Positions within the ranges of at most `most` rows that take part for these sources."""
    taking_part = _concatenated(StoredArray(store, "rows/mask"), ranges)
    for key in keys:
        taking_part = taking_part & ~_concatenated(StoredArray(store, f"sinks/{key}"), ranges)
    rows = np.flatnonzero(taking_part)
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(_SEED).choice(rows, most, replace=False))
    return rows


def _concatenated(column: StoredArray, ranges: list[tuple[int, int]]) -> np.ndarray:
    return np.concatenate([column[start:stop] for start, stop in ranges])


def _read(source: StoredArray, ranges: list[tuple[int, int]], kept: np.ndarray) -> np.ndarray:
    return np.concatenate(list(_pieces(source, ranges, kept)))


def _pieces(
    source: StoredArray, ranges: list[tuple[int, int]], kept: np.ndarray
) -> Iterator[np.ndarray]:
    before = 0
    for start, stop in ranges:
        inside = kept[(kept >= before) & (kept < before + stop - start)] - before
        yield source[start:stop][inside]
        before += stop - start
