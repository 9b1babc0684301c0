"""bfloat16 in Zarr: every bit pattern, with and without importing xc."""

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import zarr
from zarr.core.buffer import cpu
from zarr.core.dtype import DataTypeValidationError

from xc.store_schema.bfloat16 import BFLOAT16, BFloat16, Buffer, register

ALL_BITS = np.arange(1 << 16, dtype=np.uint16)


def write_all_bits(path: Path) -> None:
    group = zarr.create_group(str(path), zarr_format=3)
    array = group.create_array(
        "activations/x",
        shape=(1 << 16, 1),
        dtype=BFloat16(),
        chunks=(1 << 10, 1),
        shards=(1 << 12, 1),
        fill_value=float("nan"),
        config={"write_empty_chunks": True},
    )
    array[:] = ALL_BITS.view(BFLOAT16)[:, None]


def test_every_bit_pattern_survives(tmp_path: Path) -> None:
    write_all_bits(tmp_path / "s.zarr")
    read = zarr.open_group(str(tmp_path / "s.zarr"), mode="r")["activations/x"]
    assert isinstance(read, zarr.Array)
    values = np.asarray(read[:])
    assert values.dtype == BFLOAT16
    np.testing.assert_array_equal(values.view(np.uint16)[:, 0], ALL_BITS)


def test_plain_zarr_opens_it_in_a_process_that_never_imports_xc(tmp_path: Path) -> None:
    write_all_bits(tmp_path / "s.zarr")
    script = (
        "import sys, zarr\n"
        f"group = zarr.open({str(tmp_path / 's.zarr')!r}, mode='r')\n"
        "values = group['activations/x'][:]\n"
        "sys.stdout.buffer.write(values.tobytes())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    np.testing.assert_array_equal(np.frombuffer(done.stdout, np.uint16), ALL_BITS)


def test_the_entry_points_are_declared_and_harmless() -> None:
    (kind,) = entry_points(group="zarr.data_type", name="bfloat16")
    (buffer,) = entry_points(group="zarr.buffer", name="xc_bfloat16")
    assert kind.load() is BFloat16
    assert buffer.load() is Buffer is cpu.Buffer


def test_widening_is_exact_by_an_independent_rule() -> None:
    shifted = (ALL_BITS.astype(np.uint32) << 16).view(np.float32)
    widened = ALL_BITS.view(BFLOAT16).astype(np.float32)
    number = ~np.isnan(shifted)
    np.testing.assert_array_equal(widened[number], shifted[number])
    assert np.isnan(widened[~number]).all()


def test_narrowing_rounds_to_nearest_even() -> None:
    rng = np.random.default_rng(0)
    values = (rng.normal(size=10_000) * 10.0 ** rng.uniform(-30, 30, 10_000)).astype(np.float32)
    bits = values.view(np.uint32).astype(np.uint64)
    expected = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    np.testing.assert_array_equal(values.astype(BFLOAT16).view(np.uint16), expected)


@pytest.mark.parametrize("value", [0.0, 1.5, -2.0, float("inf"), float("-inf"), float("nan")])
def test_fill_values_survive_the_metadata(value: float) -> None:
    kind = BFloat16()
    written = json.loads(json.dumps(kind.to_json_scalar(value, zarr_format=3), allow_nan=False))
    read = kind.from_json_scalar(written, zarr_format=3)
    np.testing.assert_array_equal(float(read), value)


def test_a_fill_value_may_be_given_as_bits() -> None:
    assert BFloat16().from_json_scalar("0x3f80", zarr_format=3) == 1


def test_the_type_goes_by_its_registered_name() -> None:
    kind = BFloat16()
    assert kind.to_json(3) == "bfloat16"
    assert BFloat16.from_json("bfloat16", zarr_format=3) == kind
    assert kind.item_size == 2
    assert kind.to_native_dtype() == BFLOAT16
    assert kind.default_scalar() == 0
    assert kind.cast_scalar(1) == ml_dtypes.bfloat16(1)


@pytest.mark.parametrize("other", ["float32", {"name": "bfloat16"}, None, 3])
def test_other_types_are_left_to_zarr(other: object) -> None:
    with pytest.raises(DataTypeValidationError):
        BFloat16.from_json(other, zarr_format=3)  # type: ignore[arg-type]


def test_zarr_2_and_other_native_types_are_refused() -> None:
    with pytest.raises(DataTypeValidationError):
        BFloat16.from_json({"name": "bfloat16", "object_codec_id": None}, zarr_format=2)
    with pytest.raises(DataTypeValidationError):
        BFloat16.from_native_dtype(np.dtype(np.float16))
    assert BFloat16.from_native_dtype(BFLOAT16) == BFloat16()


def test_registering_twice_changes_nothing(tmp_path: Path) -> None:
    register()
    register()
    array = zarr.create_array(str(tmp_path / "a"), shape=(2,), dtype=BFloat16())
    assert np.dtype(array.dtype) == BFLOAT16
