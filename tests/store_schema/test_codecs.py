"""Every codec: a checksum last, values as settled, found again from metadata, read by others."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import tensorstore as ts
import zarr
from hypothesis import given
from hypothesis import strategies as st
from zarr.codecs import Crc32cCodec

from xc.store_schema import (
    ActivationStore,
    NumericalError,
    RequestError,
    SchemaError,
    StorePlan,
    StoreWriter,
)
from xc.store_schema.codecs import (
    CODECS,
    INTEGER_COMPRESSORS,
    STORED_TYPES,
    Codec,
    codec,
    codec_of,
)
from xc.store_schema.encode_shard import encode_file
from xc.store_schema.zarr_group import activations_metadata

NAMES = [c.name for c in CODECS]
FLOATS = hnp.arrays(
    np.float32, (3, 4), elements=st.floats(width=32, min_value=-60000, max_value=60000)
)


@pytest.fixture
def rows() -> np.ndarray:
    """float32 [160, 16]."""
    return np.random.default_rng(3).normal(size=(160, 16)).astype(np.float32)


def write(path: Path, plan: StorePlan, source: Any, rows: np.ndarray, name: str) -> StoreWriter:
    """A whole store of one source."""
    writer = StoreWriter.create(path, plan)
    writer.add_sources([source], codec=name, tuples=[(source.key, source.key)])
    for index in range(writer.n_shards):
        start, stop = writer.shard_range(index)
        writer.write_shard(source.key, index, rows[start:stop])
    writer.seal()
    return writer


def metadata(path: Path, key: str) -> dict[str, Any]:
    """An array's `zarr.json`."""
    about: dict[str, Any] = json.loads((path / "activations" / key / "zarr.json").read_text())
    return about


def as_bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values).view(np.uint8)


def test_every_codec_ends_with_a_checksum() -> None:
    for compressors in (*(c.compressors for c in CODECS), INTEGER_COMPRESSORS):
        assert isinstance(compressors[-1], Crc32cCodec)


def test_names_and_types() -> None:
    plain = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32", "fp8": "bfloat16"}
    assert {c.name: c.dtype.name for c in CODECS} == {
        f"{name}{how}": kind for name, kind in plain.items() for how in ("", "-zstd", "-bitshuffle")
    }
    assert STORED_TYPES == ("bfloat16", "float16", "float32")


def test_bytes_of_a_row() -> None:
    assert {c.name: c.row_bytes(768) for c in CODECS if not c.compressed} == {
        "bf16": 1536,
        "fp16": 1536,
        "fp32": 3072,
        "fp8": 769,
    }


def test_unknown() -> None:
    with pytest.raises(RequestError, match="unknown codec 'fp23'; did you mean 'fp32'"):
        codec("fp23")


@pytest.mark.parametrize("name", [c.name for c in CODECS if not c.compressed])
@given(values=FLOATS)
def test_what_settled_stays(name: str, values: np.ndarray) -> None:
    how = codec(name)
    once = how.settle(values)
    assert once.dtype == how.dtype
    np.testing.assert_array_equal(as_bits(how.settle(once)), as_bits(once))


@pytest.mark.parametrize("name", NAMES)
def test_a_store_reads_back_what_settled(
    name: str, tmp_path: Path, plan: StorePlan, store: ActivationStore, rows: np.ndarray
) -> None:
    source = store.sources[0]
    writer = write(tmp_path / "s.zarr", plan, source, rows, name)
    made = ActivationStore.open(tmp_path / "s.zarr")
    expected = codec(name).settle(rows)
    np.testing.assert_array_equal(as_bits(made.activations(source.key).raw[:]), as_bits(expected))
    assert codec_of(metadata(tmp_path / "s.zarr", source.key)) == codec(name)
    wide = expected.astype(np.float64)
    np.testing.assert_allclose(made.statistics(source.key).mean, wide.mean(axis=0), atol=1e-12)
    assert not writer.missing(source.key)


@pytest.mark.parametrize("name", ["bf16-zstd", "fp32-bitshuffle", "fp8", "fp8-bitshuffle"])
def test_the_same_bytes_every_time(
    name: str, tmp_path: Path, plan: StorePlan, store: ActivationStore, rows: np.ndarray
) -> None:
    source = store.sources[0]
    for folder in ("a", "b"):
        write(tmp_path / folder, plan, source, rows, name)
    files = sorted(p for p in (tmp_path / "a" / "activations").rglob("*") if p.is_file())
    for file in files:
        again = tmp_path / "b" / file.relative_to(tmp_path / "a")
        assert file.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("name", [n for n in NAMES if "fp8" not in n])
def test_tensorstore_reads(
    name: str, tmp_path: Path, plan: StorePlan, store: ActivationStore, rows: np.ndarray
) -> None:
    source = store.sources[0]
    write(tmp_path / "s.zarr", plan, source, rows, name)
    where = f"file://{tmp_path}/s.zarr/activations/{source.key}/"
    read = ts.open({"driver": "zarr3", "kvstore": where}).result().read().result()
    np.testing.assert_array_equal(as_bits(read), as_bits(codec(name).settle(rows)))


def test_tensorstore_refuses_fp8_by_name(
    tmp_path: Path, plan: StorePlan, store: ActivationStore, rows: np.ndarray
) -> None:
    source = store.sources[0]
    write(tmp_path / "s.zarr", plan, source, rows, "fp8")
    where = f"file://{tmp_path}/s.zarr/activations/{source.key}/"
    with pytest.raises(ValueError, match=r"xc\.fp8_rows"):
        ts.open({"driver": "zarr3", "kvstore": where}).result()


def test_compressors_save_space_on_compressible_rows() -> None:
    sizes = {}
    for how in CODECS:
        about = json.loads(activations_metadata((64, 16), how, (64, 16)).tobytes())
        sizes[how.name] = encode_file(about, how.settle(np.ones((64, 16), np.float32))).size
    for plain in ("bf16", "fp16", "fp32", "fp8"):
        assert sizes[f"{plain}-zstd"] < sizes[plain]
        assert sizes[f"{plain}-bitshuffle"] < sizes[plain]


@pytest.mark.parametrize("name", ["fp16", "fp16-zstd", "fp16-bitshuffle"])
def test_a_value_beyond_float16_is_named(name: str, rows: np.ndarray) -> None:
    rows[7, 3] = -70000
    with pytest.raises(NumericalError, match=r"row 7, dimension 3: -70000 .* use --codec bf16"):
        codec(name).settle(rows)


def test_float16_rounds_what_is_just_within() -> None:
    rows = np.array([[65519.0, np.inf, np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(
        codec("fp16").settle(rows), np.array([[65504, np.inf, np.nan]], np.float16)
    )


def test_a_store_says_where_float16_ran_over(
    tmp_path: Path, plan: StorePlan, store: ActivationStore, rows: np.ndarray
) -> None:
    rows[70, 2] = 1e6
    where = r"alpha@1: shard 1: row 6, dimension 2: 1e\+06 is beyond .* use --codec bf16"
    with pytest.raises(NumericalError, match=where):
        write(tmp_path / "s.zarr", plan, store.sources[0], rows, "fp16")


@pytest.mark.parametrize("name", ["bf16", "fp8", "fp32"])
def test_kept_values_must_stay_finite(
    name: str, tmp_path: Path, plan: StorePlan, store: ActivationStore, rows: np.ndarray
) -> None:
    rows[70, 2] = np.inf
    with pytest.raises(NumericalError, match="rows 64 to 128"):
        write(tmp_path / "s.zarr", plan, store.sources[0], rows, name)


def _about(dtype: str, *codecs: str) -> dict[str, Any]:
    inner = [{"name": c} for c in codecs]
    sharding = {"name": "sharding_indexed", "configuration": {"codecs": inner}}
    return {"data_type": dtype, "codecs": [sharding]}


def test_codec_of_looks_into_shards_or_not() -> None:
    assert codec_of(_about("float16", "bytes", "zstd", "crc32c")).name == "fp16-zstd"
    plain = {"data_type": "float32", "codecs": [{"name": "bytes"}, {"name": "crc32c"}]}
    assert codec_of(plain).name == "fp32"


@pytest.mark.parametrize(
    "about",
    [_about("float64", "bytes", "crc32c"), _about("bfloat16", "bytes", "gzip", "crc32c")],
)
def test_codec_of_an_unknown_chain(about: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match=r"no codec of xc stores .*expected one of bf16, "):
        codec_of(about)


def test_a_codec_is_a_row_of_the_table() -> None:
    assert all(isinstance(c, Codec) and dataclasses.is_dataclass(c) for c in CODECS)
    assert zarr.__version__.startswith("3.")
