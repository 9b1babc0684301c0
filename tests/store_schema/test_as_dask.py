"""A source as a Dask array: equal, aligned with shards, and lazy."""

import pickle

import numpy as np
import pytest

from xc.store_schema import ActivationStore, DamageError


def test_equal_and_one_block_per_shard(store: ActivationStore) -> None:
    array = store.dask("alpha@1")
    assert array.chunks == ((64, 64, 32), (16,))
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array.compute(), store.activations("alpha@1")[:])
    np.testing.assert_array_equal(
        array[60:70, 3].compute(), store.activations("alpha@1")[60:70][:, 3]
    )


def test_building_and_slicing_reads_nothing(store: ActivationStore) -> None:
    store.shard_path("alpha@1", 0).write_bytes(b"damaged")
    mean = store.dask("alpha@1").mean(axis=0)
    tail = store.dask("alpha@1")[64:]
    assert tail.sum().compute() == pytest.approx(
        float(store.activations("alpha@1")[64:].sum()), 1e-4
    )
    with pytest.raises(DamageError, match="c/0/0"):
        mean.compute()


def test_the_graph_is_small_and_reopens_by_path(store: ActivationStore) -> None:
    array = store.dask("alpha@1")
    again = pickle.loads(pickle.dumps(array))
    assert len(pickle.dumps(array)) < 10_000
    np.testing.assert_array_equal(again.compute(), array.compute())


def test_names_tell_sources_and_contents_apart(store: ActivationStore) -> None:
    assert store.dask("alpha@1").name == store.dask("alpha@1").name
    assert store.dask("alpha@1").name != store.dask("beta@2").name
