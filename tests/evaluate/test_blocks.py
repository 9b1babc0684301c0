"""Cuts: they cover the range once, and lie at the same rows wherever it begins."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate.blocks import ENOUGH, LEAST_ROWS, Range, cut, cut_all, default_rows

SHARD = 65536


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 64))
def test_pieces_join_up_at_multiples(start: int, length: int, size: int) -> None:
    pieces = cut(start, start + length, size)
    assert [row for a, b in pieces for row in range(a, b)] == list(range(start, start + length))
    assert all(b % size == 0 for _, b in pieces[:-1])
    assert all(0 < b - a <= size for a, b in pieces)


def test_ranges_are_cut_one_after_the_other() -> None:
    assert cut_all([(3, 9), (10, 12)], 4) == ((3, 4), (4, 8), (8, 9), (10, 12))


def by_default(start: int, stop: int, shard_rows: int, tile_rows: int = 2048) -> list[Range]:
    """Blocks of the rows [start, stop)."""
    shards = cut(start, stop, shard_rows)
    return list(cut_all(shards, default_rows(shards, shard_rows=shard_rows, tile_rows=tile_rows)))


@pytest.mark.parametrize("shard_rows", [1, 256, 1000, 16384, SHARD, 100_000, 1_000_000])
@pytest.mark.parametrize("shards", [ENOUGH, ENOUGH + 1, 1000])
def test_a_block_of_many_shards_is_a_shard(shard_rows: int, shards: int) -> None:
    start, stop = 3 * shard_rows + shard_rows // 3, (3 + shards) * shard_rows
    assert by_default(start, stop, shard_rows) == list(cut(start, stop, shard_rows))


@pytest.mark.parametrize(("shards", "parts"), [(63, 2), (32, 2), (31, 4), (16, 4), (15, 4), (1, 4)])
def test_few_shards_are_cut_into_equal_parts(shards: int, parts: int) -> None:
    size = SHARD // parts
    found = by_default(0, shards * SHARD, SHARD)
    assert found == [(i * size, (i + 1) * size) for i in range(shards * parts)]


@pytest.mark.parametrize("shard_rows", [1, 512, 16384, 20480, 2 * LEAST_ROWS - 4096])
def test_no_part_is_smaller_than_it_may_be(shard_rows: int) -> None:
    """Nor is a shard that is small cut because of it."""
    assert by_default(0, 3 * shard_rows, shard_rows) == list(cut(0, 3 * shard_rows, shard_rows))


@pytest.mark.parametrize(("rows", "size"), [(0, 2 * LEAST_ROWS), (1, LEAST_ROWS)])
def test_parts_are_as_large_as_give_enough_blocks(rows: int, size: int) -> None:
    """One row less than 64 halves of shards."""
    stop = ENOUGH // 2 * SHARD - rows * 2 * LEAST_ROWS
    shards = cut(0, stop, SHARD)
    assert default_rows(shards, shard_rows=SHARD, tile_rows=2048) == size


@given(
    st.integers(0, 10**7), st.integers(1, 10**7), st.integers(1, 2 * 10**6), st.integers(1, 10**5)
)
def test_a_block_lies_in_one_shard_and_begins_with_a_tile(
    start: int, rows: int, shard_rows: int, tile_rows: int
) -> None:
    """Or with its shard, whose borders lie anywhere."""
    shard_rows = max(shard_rows, rows // 1000)
    shards = cut(start, start + rows, shard_rows)
    size = default_rows(shards, shard_rows=shard_rows, tile_rows=tile_rows)
    blocks = cut_all(shards, size)
    assert size <= shard_rows
    assert size == shard_rows or (size % tile_rows == 0 and size >= LEAST_ROWS)
    assert (blocks[0][0], blocks[-1][1]) == (start, start + rows)
    assert all(a // shard_rows == (b - 1) // shard_rows for a, b in blocks)
    assert all(
        b == c and (c % size == 0 or c % shard_rows == 0) for (_, b), (c, _) in pairwise(blocks)
    )
