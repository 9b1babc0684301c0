"""Groups of rows: whole clusters, dealt out at random, fixed by the data; which clusters."""

from pathlib import Path

import numpy as np
import planted
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xc.evaluate.clusters import ENOUGH, choose_clusters, row_groups
from xc.evaluate.jackknife import jackknife
from xc.store_schema import ActivationStore

Rows = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), min_size=1, max_size=60)


@given(Rows, st.integers(0, 12))
def test_no_cluster_is_cut_and_every_group_has_rows(
    sequences: list[tuple[int, int]], wanted: int
) -> None:
    rows, clusters = (np.array(column) for column in zip(*sequences, strict=True))
    groups = row_groups(rows, clusters, wanted)
    measured = rows > 0
    assert (groups.of_sequence[~measured] == -1).all()
    for number in np.unique(clusters[measured]):
        assert len(np.unique(groups.of_sequence[measured & (clusters == number)])) == 1
    if measured.any():
        n = len(np.unique(clusters[measured]))
        assert groups.n == max(1, min(wanted, n))
        found = np.unique(clusters[measured], return_index=True)[1]
        dealt = np.bincount(groups.of_sequence[measured][found], minlength=groups.n)
        assert dealt.max() - dealt.min() <= 1


def test_groups_follow_from_the_data_alone() -> None:
    rows = np.full(60, 10)
    first, second = (row_groups(rows, np.arange(60), 20) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    assert first.fingerprint != row_groups(rows, np.arange(60), 19).fingerprint


@pytest.mark.parametrize("wanted", [0, 1])
def test_no_groups_are_one(wanted: int) -> None:
    assert row_groups(np.ones(9, int), np.arange(9), wanted).n == 1
    assert row_groups(np.ones(9, int), np.zeros(9, int), 5).n == 1


def test_text_in_order_of_length_does_not_widen_intervals() -> None:
    """A mean that goes with the length of sequences, which a store holds by length."""
    rng, held, widths, values = np.random.default_rng(3), 0, [], []
    for _ in range(200):
        lengths = np.sort(rng.integers(16, 513, 600))
        totals = lengths * (1 + 0.004 * lengths + rng.normal(size=600))
        group = row_groups(lengths, np.arange(600), 20).of_sequence
        by_group = np.stack([np.bincount(group, w, 20) for w in (totals, lengths)])
        whole = by_group.sum(axis=1)
        value = np.array(whole[0] / whole[1])
        left_out = np.divide(*(whole[:, None] - by_group))
        low, high = jackknife(value, left_out, bounds=(-np.inf, np.inf))
        expected = 1 + 0.004 * np.mean(np.arange(16, 513) ** 2) / np.mean(np.arange(16, 513))
        held += low <= expected <= high
        widths.append(high - low)
        values.append(value)
    assert 180 <= held <= 199
    assert 0.8 < np.mean(widths) / (2 * 2.093 * np.std(values)) < 1.25


@pytest.fixture
def store(tmp_path: Path) -> ActivationStore:
    plan = planted.make_plan(n_sequences=40)
    return planted.write_store(tmp_path / "acts.zarr", planted.make_truth(plan.n_rows), plan)


def test_documents_are_clusters_where_there_are_enough(store: ActivationStore) -> None:
    documents = np.asarray(store.sequences.document)
    n = len(np.unique(documents))
    assert n >= ENOUGH
    rows = np.ones(store.sequences.n, int)
    found = choose_clusters(store, rows, "auto")
    assert (found.unit, found.n, found.note) == ("documents", n, "")
    few = np.where(documents < documents.min() + ENOUGH - 1, rows, 0)
    assert choose_clusters(store, few, "auto").unit == "sequences"
    assert choose_clusters(store, few, "documents").n == ENOUGH - 1
    assert choose_clusters(store, rows, "sequences").n == store.sequences.n


@pytest.mark.parametrize(("n", "told"), [(1, "1 document only"), (3, "3 documents only")])
def test_few_documents_are_told(store: ActivationStore, n: int, told: str) -> None:
    documents = np.asarray(store.sequences.document)
    numbers, lengths = np.unique(documents, return_counts=True)
    few = np.isin(documents, numbers[np.argsort(-lengths)][:n]).astype(int)
    found = choose_clusters(store, few, "auto")
    assert f"the {few.sum()} held-out sequences are of {told}: intervals" in found.note
