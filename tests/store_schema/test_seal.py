"""Statistics of the whole from what the shards carry."""

from pathlib import Path

import numpy as np
import pytest
import sinking

from xc.store_schema import ActivationStore, DamageError, StoreWriter
from xc.store_schema.norms import Norms
from xc.store_schema.seal import (
    seal_source,
    sealed_files,
    source_statistics,
    write_sinks,
    write_vectors,
)
from xc.store_schema.statistics import finish, moments
from xc.store_schema.stored_array import StoredArray
from xc.store_schema.zarr_group import open_group


def statistics_of(writer: StoreWriter, store: ActivationStore, key: str) -> object:
    return source_statistics(writer.path, store.source(key), Norms(writer.path, key, 10.0))


def test_merged_equals_all_rows_at_once(store: ActivationStore) -> None:
    rows = store.activations("alpha@1").raw[:]
    whole = finish(moments(rows, np.ones(len(rows), dtype=bool)))
    merged = store.statistics("alpha@1")
    assert merged.n == whole.n
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(merged.variance, whole.variance, rtol=1e-12)


@pytest.mark.parametrize("multiple", [10.0, 3.0, 1.2, 0.0])
def test_equal_to_an_oracle_that_holds_all_rows(tmp_path: Path, multiple: float) -> None:
    """Shards of different length norms, so that rows lie between their thresholds and the last."""
    world = sinking.write(tmp_path / "acts.zarr", multiple)
    stored = ActivationStore.open(world.path)
    for key, rows in world.rows.items():
        norms = np.linalg.norm(rows.astype(np.float64), axis=1).astype(np.float32)
        median = np.quantile(norms[world.mask], 0.5, method="inverted_cdf")
        is_sink = norms > multiple * np.float64(median) if multiple else np.zeros(len(rows), bool)
        kept = world.mask & ~is_sink
        x, found = rows[kept].astype(np.float64), stored.statistics(key)
        assert found.sinks is not None
        assert found.norm_quantiles is not None
        assert found.n == kept.sum()
        assert found.sinks.count == (world.mask & is_sink).sum()
        assert found.sinks.median_norm == median
        assert found.sinks.threshold == (multiple * float(median) if multiple else None)
        np.testing.assert_array_equal(stored.sinks(key)[:], is_sink)
        np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found.variance, x.var(axis=0), rtol=1e-12)
        exact = np.linalg.norm(x, axis=1)
        np.testing.assert_allclose(found.mean_norm, exact.mean(), rtol=1e-12)
        np.testing.assert_allclose(found.rms_norm, np.sqrt((exact**2).mean()), rtol=1e-12)
        gamma = np.linalg.norm(x.mean(axis=0)) / np.sqrt(x.var(axis=0).sum())
        np.testing.assert_allclose(found.gamma, gamma, rtol=1e-12)
        for share, norm in found.norm_quantiles.items():
            assert norm == np.quantile(norms[kept], share, method="inverted_cdf")


def test_a_sealed_store_says_the_same_of_itself_when_sealed_again(tmp_path: Path) -> None:
    world = sinking.write(tmp_path / "acts.zarr", 3.0)
    store = ActivationStore.open(world.path)
    for source in store.sources:
        again = seal_source(world.path, source, store.attributes)
        assert again == store.attributes["statistics"][source.key]
        assert all((world.path / name).is_file() for name in sealed_files(source.key))


def test_a_shard_without_statistics_is_damage(
    unfinished: StoreWriter, store: ActivationStore
) -> None:
    with pytest.raises(DamageError, match="norms/alpha@1/c/0 is gone"):
        statistics_of(unfinished, store, "alpha@1")
    for shard in range(3):
        start, stop = unfinished.shard_range(shard)
        unfinished.write_shard("alpha@1", shard, store.activations("alpha@1")[start:stop])
    (unfinished.path / "statistics/alpha@1/per_shard/c/0/0").unlink()
    with pytest.raises(DamageError, match="per_shard/c/0/0 is gone"):
        statistics_of(unfinished, store, "alpha@1")


@pytest.mark.parametrize(
    ("name", "where"), [("statistics/alpha@1/per_shard", (1, 2)), ("norms/alpha@1", 70)]
)
def test_what_is_not_finite_is_refused(store: ActivationStore, name: str, where: object) -> None:
    open_group(store.path, "r+")[name][where] = np.nan
    with pytest.raises(DamageError, match="not finite"):
        seal_source(store.path, store.source("alpha@1"), store.attributes)


def test_vectors_and_flags_are_written_only_where_they_differ(store: ActivationStore) -> None:
    values, norms = store.statistics("alpha@1"), Norms(store.path, "alpha@1", 10.0)
    for name in ("statistics/alpha@1/mean/c/0", "sinks/alpha@1/c/0"):
        file = store.path / name
        good, inode = file.read_bytes(), file.stat().st_ino
        write_vectors(store.path, "alpha@1", values)
        write_sinks(store.path, "alpha@1", norms)
        assert file.stat().st_ino == inode
        file.write_bytes(b"damaged")
        write_vectors(store.path, "alpha@1", values)
        write_sinks(store.path, "alpha@1", norms)
        assert file.read_bytes() == good
    assert not StoredArray(store.path, "sinks/alpha@1")[:].any()


def test_a_store_of_version_1_tells_what_it_has(golden: Path) -> None:
    store = ActivationStore.open(golden)
    (source, *_) = store.sources
    found = store.statistics(source.key)
    assert found.sinks is None
    assert found.norm_quantiles is None
    assert found.gamma is not None
    assert len(found.largest_dimensions) == min(8, source.d_model)
    assert not store.sinks(source.key)[:].any()
    again = seal_source(golden, source, store.attributes)
    assert again == pytest.approx(store.attributes["statistics"][source.key], rel=1e-12)
