"""Groups of rows: whole clusters, about equally many rows, borders fixed by the data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate.clusters import RowGroups, row_groups

Rows = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=60)


@given(Rows, st.integers(0, 12), st.data())
def test_no_cluster_is_cut_and_every_group_has_rows(
    sequences: list[tuple[int, bool]], wanted: int, data: st.DataObject
) -> None:
    rows = np.array([n for n, _ in sequences])
    clusters = np.cumsum([new for _, new in sequences])
    dropped = data.draw(st.integers(0, 3))
    offsets = np.concatenate([[0], np.cumsum(rows + dropped)])
    groups = row_groups(rows, clusters, offsets, wanted)
    assert groups.n <= max(wanted, 1)
    assert list(groups.borders) == sorted(set(groups.borders))
    group = np.searchsorted(groups.borders, offsets[:-1], side="right")
    measured = rows > 0
    for number in np.unique(clusters[measured]):
        assert len(np.unique(group[measured & (clusters == number)])) == 1
    if measured.any():
        assert set(group[measured]) == set(range(groups.n))


def test_equal_clusters_give_equal_groups() -> None:
    rows = np.full(60, 10)
    groups = row_groups(rows, np.arange(60), np.arange(0, 601, 10), 20)
    assert groups.borders == tuple(range(30, 600, 30))


def test_documents_that_lie_interleaved_stay_together() -> None:
    rows, documents = np.full(6, 5), np.array([0, 1, 0, 2, 3, 3])
    groups = row_groups(rows, documents, np.arange(0, 31, 5), 6)
    assert groups.borders == (15, 20)


@pytest.mark.parametrize("wanted", [0, 1])
def test_no_groups_are_one(wanted: int) -> None:
    assert row_groups(np.ones(9, int), np.arange(9), np.arange(10), wanted).n == 1
    assert row_groups(np.ones(9, int), np.zeros(9, int), np.arange(10), 5).n == 1


@given(
    st.lists(st.integers(1, 200), max_size=8, unique=True).map(sorted),
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), min_size=1, max_size=12),
)
def test_ranges_are_cut_at_borders_alone(borders: list[int], pieces: list[tuple[int, int]]) -> None:
    ranges, at = [], 0
    for length, gap in pieces:
        ranges.append((at, at + length))
        at += length + gap
    groups = RowGroups(tuple(borders)).split(ranges)
    flat = [r for group in groups for r in group]
    covered = [row for a, b in flat for row in range(a, b)]
    assert covered == [row for a, b in ranges for row in range(a, b)]
    for number, group in enumerate(groups):
        for a, b in group:
            assert np.searchsorted(borders, [a, b - 1], side="right").tolist() == [number] * 2
