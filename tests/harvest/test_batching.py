"""The running order and the batches, as laws."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xc.harvest.batching import SORTED_TOGETHER, plan_batches, running_order

sequences = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 1)), min_size=1, max_size=80).map(
    lambda pairs: (np.asarray([p[0] for p in pairs]), np.asarray([p[1] for p in pairs]))
)


@given(sequences)
def test_the_order_is_a_permutation_with_train_first(pairs):
    lengths, split = pairs
    order = running_order(lengths, split)
    assert sorted(order.tolist()) == list(range(len(lengths)))
    assert (np.diff(split[order].astype(int)) >= 0).all()
    for value in (0, 1):
        mine = order[split[order] == value]
        keys = [(lengths[i], i) for i in mine]
        assert keys == sorted(keys)


def test_groups_run_up_and_down():
    lengths = np.random.default_rng(0).integers(1, 99, size=2 * SORTED_TOGETHER)
    ordered = lengths[running_order(lengths, np.zeros(len(lengths), dtype=np.uint8))]
    assert (np.diff(ordered[:SORTED_TOGETHER]) >= 0).all()
    assert (np.diff(ordered[SORTED_TOGETHER:]) <= 0).all()


@given(sequences, st.integers(1, 200))
def test_batches_cover_everything_within_the_budget(pairs, budget):
    lengths, split = pairs[0], np.sort(pairs[1])
    batches = plan_batches(lengths.tolist(), split.tolist(), budget=budget)
    assert [i for a, b in batches for i in range(a, b)] == list(range(len(lengths)))
    for first, last in batches:
        assert len(set(split[first:last].tolist())) == 1
        assert last - first == 1 or lengths[first:last].max() * (last - first) <= budget


def test_full_sequences_fill_batches():
    assert plan_batches([8] * 5, [0] * 5, budget=16) == [(0, 2), (2, 4), (4, 5)]


def test_nothing_to_order():
    empty = np.zeros(0, dtype=np.int64)
    assert running_order(empty, empty).tolist() == []
    assert plan_batches([], [], budget=4) == []
