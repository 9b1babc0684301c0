"""Opening and making groups and arrays: messages, codecs, fill values."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr

from xc.store_schema import SchemaError, StoreWriter
from xc.store_schema.codecs import CODECS
from xc.store_schema.zarr_group import (
    create_activations,
    get_array,
    open_group,
    put_float64,
    put_integers,
)


@pytest.fixture
def group(tmp_path: Path) -> zarr.Group:
    return zarr.create_group(str(tmp_path / "g.zarr"), zarr_format=3)


def metadata(group: zarr.Group, name: str) -> dict:  # type: ignore[type-arg]
    path = Path(str(group.store_path).removeprefix("file://")) / name / "zarr.json"
    return json.loads(path.read_text())


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "\xff", "null"])
def test_a_group_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "zarr.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(SchemaError, match="not a readable Zarr v3 group") as caught:
        open_group(tmp_path, "r")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("codec", CODECS, ids=lambda c: c.name)
def test_activations_are_sharded_with_checksums_and_nan(group: zarr.Group, codec) -> None:  # type: ignore[no-untyped-def]
    create_activations(group, "activations/x", (100, 8), codec, (64, 16))
    about = metadata(group, "activations/x")
    (sharding,) = about["codecs"]
    inner = sharding["configuration"]
    assert about["fill_value"] == "NaN"
    assert about["chunk_grid"]["configuration"]["chunk_shape"] == [64, 8]
    assert inner["chunk_shape"] == [16, 8]
    assert [c["name"] for c in inner["codecs"]][-1] == "crc32c"
    assert [c["name"] for c in inner["index_codecs"]] == ["bytes", "crc32c"]
    assert about["dimension_names"] == ["row", "d_model"]
    assert np.isnan(np.asarray(get_array(group, "activations/x")[:], np.float32)).all()


@pytest.mark.parametrize("values", [np.arange(5), np.zeros(0, np.int32), np.array([True, False])])
def test_integers_come_back_with_checksums(group: zarr.Group, values: np.ndarray) -> None:
    put_integers(group, "x", values)
    found = np.asarray(get_array(group, "x")[:])
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)
    assert metadata(group, "x")["codecs"][-1]["name"] == "crc32c"


def test_zeros_are_written_not_left_to_the_fill_value(group: zarr.Group, tmp_path: Path) -> None:
    put_integers(group, "x", np.zeros(5, np.int64))
    assert (tmp_path / "g.zarr" / "x" / "c" / "0").is_file()


def test_float64_is_replaced_and_kept_exactly(group: zarr.Group) -> None:
    for values in (np.array([1e-300, np.pi]), np.arange(7.0)):
        put_float64(group, "x", values)
        np.testing.assert_array_equal(get_array(group, "x")[:], values)
    assert metadata(group, "x")["fill_value"] == "NaN"


def test_unwritten_statistics_read_as_nan(unfinished: StoreWriter) -> None:
    array = get_array(open_group(unfinished.path, "r"), "statistics/alpha@1/per_shard")
    assert array.shape == (3, 3 + 2 * 16)
    assert np.isnan(np.asarray(array[:])).all()
