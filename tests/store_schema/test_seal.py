"""Statistics of the whole from those of the shards."""

import numpy as np
import pytest

from xc.store_schema import ActivationStore, DamageError, StoreWriter
from xc.store_schema.seal import merged_statistics, write_vectors
from xc.store_schema.statistics import finish, moments
from xc.store_schema.zarr_group import get_array, open_group


def test_merged_equals_all_rows_at_once(store: ActivationStore) -> None:
    rows = store.activations("alpha@1").raw[:]
    whole = finish(moments(rows, np.ones(len(rows), dtype=bool)))
    merged = merged_statistics(store.path, "alpha@1", 16)
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(merged.variance, whole.variance, rtol=1e-12)


def test_a_shard_without_statistics_is_damage(unfinished: StoreWriter) -> None:
    with pytest.raises(DamageError, match="per_shard/c/0/0 is gone"):
        merged_statistics(unfinished.path, "alpha@1", 16)


def test_statistics_that_are_not_finite_are_refused(store: ActivationStore) -> None:
    group = open_group(store.path, "r+")
    get_array(group, "statistics/alpha@1/per_shard")[1, 2] = np.nan
    with pytest.raises(DamageError, match="not finite"):
        merged_statistics(store.path, "alpha@1", 16)


def test_vectors_are_written_only_where_they_differ(store: ActivationStore) -> None:
    group = open_group(store.path, "r+")
    file = store.path / "statistics/alpha@1/mean/c/0"
    good, inode = file.read_bytes(), file.stat().st_ino
    values = store.statistics("alpha@1")
    write_vectors(group, store.path, "alpha@1", values)
    assert file.stat().st_ino == inode
    file.write_bytes(b"damaged")
    write_vectors(group, store.path, "alpha@1", values)
    assert file.read_bytes() == good
