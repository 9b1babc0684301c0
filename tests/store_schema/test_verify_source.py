"""Shards against their statistics."""

from pathlib import Path

import numpy as np
import pytest
import sinking

from xc.store_schema import ActivationStore, Silent
from xc.store_schema.verify_source import check_source
from xc.store_schema.zarr_group import open_group


def test_a_whole_source(store: ActivationStore) -> None:
    source = store.source("alpha@1")
    assert check_source(store, source, store.rows.mask, Silent()) == []


def test_values_that_differ_from_their_statistics(store: ActivationStore) -> None:
    """Right checksums, wrong values: another model's rows, put in place by hand."""
    group = open_group(store.path, "r+")
    other = group["activations/beta@2"][64:128]
    group["activations/alpha@1"][64:128] = other
    problems = check_source(store, store.source("alpha@1"), store.rows.mask, Silent())
    assert [p.file for p in problems] == [
        "statistics/alpha@1/per_shard/c/1/0",
        "norms/alpha@1/c/1",
    ]


@pytest.mark.parametrize("multiple", [10.0, 3.0, 1.2, 0.0])
def test_a_source_with_sinks(tmp_path: Path, multiple: float) -> None:
    store = ActivationStore.open(sinking.write(tmp_path / "acts.zarr", multiple).path)
    for source in store.sources:
        assert check_source(store, source, store.rows.mask, Silent()) == []


def test_a_norm_that_is_not_that_of_its_row(store: ActivationStore) -> None:
    norms = open_group(store.path, "r+")["norms/alpha@1"]
    norms[70] *= 1 + 1e-7  # rounding
    assert check_source(store, store.source("alpha@1"), store.rows.mask, Silent()) == []
    norms[70] *= 1.001
    (problem, *_) = check_source(store, store.source("alpha@1"), store.rows.mask, Silent())
    assert problem.file == "norms/alpha@1/c/1"


def test_a_store_of_version_1(golden: Path) -> None:
    store = ActivationStore.open(golden)
    for source in store.sources:
        assert check_source(store, source, store.rows.mask, Silent()) == []


def test_without_a_mask_every_chunk_is_still_read(store: ActivationStore) -> None:
    store.shard_path("alpha@1", 2).write_bytes(b"damaged")
    open_group(store.path, "r+")["statistics/alpha@1/mean"][0] = np.nan
    (problem,) = check_source(store, store.source("alpha@1"), None, Silent())
    assert problem.file == "activations/alpha@1/c/2/0"
