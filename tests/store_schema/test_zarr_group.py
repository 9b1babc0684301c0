"""Opening and making groups and arrays: messages, codecs, fill values."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr

from xc.store_schema import SchemaError, StoreWriter
from xc.store_schema.codecs import CODECS
from xc.store_schema.places import place
from xc.store_schema.zarr_group import (
    activations_metadata,
    norms_metadata,
    open_group,
    put_attributes,
    put_float64,
    put_integers,
    records_metadata,
    zarr_store,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put_attributes(tmp_path / "g.zarr", {"a": 1})
    return tmp_path / "g.zarr"


def metadata(root: Path, name: str) -> dict:  # type: ignore[type-arg]
    return json.loads((root / name / "zarr.json").read_text())


def read(root: Path, name: str) -> np.ndarray:
    return np.asarray(open_group(root, "r")[name][:])


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "\xff", "null"])
def test_a_group_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "zarr.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(SchemaError, match="not a readable Zarr v3 group") as caught:
        open_group(tmp_path, "r")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("codec", CODECS, ids=lambda c: c.name)
def test_activations_are_sharded_with_checksums_and_nan(codec) -> None:  # type: ignore[no-untyped-def]
    about = json.loads(activations_metadata((100, 8), codec, (64, 16)).tobytes())
    (sharding,) = about["codecs"]
    inner = sharding["configuration"]
    assert about["fill_value"] == "NaN"
    assert about["chunk_grid"]["configuration"]["chunk_shape"] == [64, 8]
    assert inner["chunk_shape"] == [16, 8]
    assert [c["name"] for c in inner["codecs"]][-1] == "crc32c"
    assert [c["name"] for c in inner["index_codecs"]] == ["bytes", "crc32c"]
    assert about["dimension_names"] == ["row", "d_model"]


def test_norms_and_records_have_a_file_per_shard_and_checksums() -> None:
    norms, records = (
        json.loads(m.tobytes()) for m in (norms_metadata(10, 64), records_metadata(3))
    )
    assert norms["chunk_grid"]["configuration"]["chunk_shape"] == [64]
    assert norms["fill_value"] == "NaN"
    assert records["chunk_grid"]["configuration"]["chunk_shape"] == [1, 2]
    for about in (norms, records):
        assert [c["name"] for c in about["codecs"]] == ["bytes", "crc32c"]


@pytest.mark.parametrize("values", [np.arange(5), np.zeros(0, np.int32), np.array([True, False])])
@pytest.mark.parametrize("where", ["folder", "memory"])
def test_integers_come_back_with_checksums(
    root: Path, where: str, values: np.ndarray, tmp_path: Path
) -> None:
    store = root if where == "folder" else place(f"memory://{tmp_path.name}")
    put_attributes(store, {})
    put_integers(store, "a/x", values)
    found = np.asarray(open_group(store, "r")["a/x"][:])
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)
    assert json.loads((store / "a/x/zarr.json").read_text())["codecs"][-1]["name"] == "crc32c"
    assert isinstance(open_group(store, "r")["a"], zarr.Group)


def test_zeros_are_written_not_left_to_the_fill_value(root: Path) -> None:
    put_integers(root, "x", np.zeros(5, np.int64))
    assert (root / "x" / "c" / "0").is_file()


def test_float64_is_replaced_and_kept_exactly(root: Path) -> None:
    for values in (np.array([1e-300, np.pi]), np.arange(7.0)):
        put_float64(root, "x", values)
        np.testing.assert_array_equal(read(root, "x"), values)
    assert metadata(root, "x")["fill_value"] == "NaN"


def test_attributes_are_those_that_were_put(root: Path) -> None:
    assert dict(open_group(root, "r").attrs) == {"a": 1}


def test_a_chunk_that_is_not_there_is_an_error_or_the_fill_value(root: Path) -> None:
    put_integers(root, "x", np.arange(5))
    (root / "x/c/0").unlink()
    np.testing.assert_array_equal(read(root, "x"), np.zeros(5))
    array = zarr.open_group(zarr_store(root, whole=True), mode="r")["x"]
    with pytest.raises(FileNotFoundError, match="x/c/0"):
        array[:]


def test_unwritten_statistics_read_as_nan(unfinished: StoreWriter) -> None:
    for name, shape in (("statistics/alpha@1/per_shard", (3, 36)), ("norms/alpha@1", (160,))):
        values = read(unfinished.path, name)  # type: ignore[arg-type]
        assert values.shape == shape
        assert np.isnan(values).all()
