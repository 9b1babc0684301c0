"""Opening and making the Zarr groups and arrays of a store."""

from pathlib import Path
from typing import Any

import numpy as np
import zarr

from xc.store_schema import bfloat16
from xc.store_schema.bfloat16 import BFLOAT16, BFloat16
from xc.store_schema.codecs import INTEGER_COMPRESSORS, Codec
from xc.store_schema.errors import SchemaError

bfloat16.register()

INTEGER_CHUNK = 1 << 18


def open_group(path: Path, mode: Any) -> zarr.Group:
    """Open the group of a store.

    Raises:
        SchemaError: if the path holds no Zarr v3 group.
    """
    if not (path / "zarr.json").is_file():
        found = "nothing" if not path.exists() else "no Zarr group"
        raise SchemaError(f"{path}: expected an activation store, found {found}")
    try:
        return zarr.open_group(str(path), mode=mode, zarr_format=3)
    except Exception as error:  # whatever Zarr makes of metadata that are none
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise SchemaError(f"{path}: not a readable Zarr v3 group ({text})") from error


def get_array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """An array of a group.

    Raises:
        SchemaError: if it is not there or cannot be opened.
    """
    try:
        array = group[name]
    except Exception as error:  # as above
        raise SchemaError(f"{group.store}: array '{name}' is missing or unreadable") from error
    if not isinstance(array, zarr.Array):
        raise SchemaError(f"{group.store}: expected an array at '{name}', found a group")
    return array


def put_integers(group: zarr.Group, name: str, values: np.ndarray) -> None:
    """Store an integer or bool array, compressed and with checksums."""
    array = group.create_array(
        name,
        shape=values.shape,
        dtype=values.dtype,
        chunks=(min(INTEGER_CHUNK, max(len(values), 1)),),
        compressors=INTEGER_COMPRESSORS,
        config={"write_empty_chunks": True},
    )
    array[:] = values


def put_float64(group: zarr.Group, name: str, values: np.ndarray) -> None:
    """Store a small float64 array in one chunk."""
    array = group.create_array(
        name,
        shape=values.shape,
        dtype=np.float64,
        chunks=tuple(max(n, 1) for n in values.shape),
        compressors=INTEGER_COMPRESSORS,
        fill_value=np.nan,
        config={"write_empty_chunks": True},
        overwrite=True,
    )
    array[:] = values


def create_activations(
    group: zarr.Group, name: str, shape: tuple[int, int], how: Codec, rows: tuple[int, int]
) -> None:
    """Make an empty sharded array; unwritten values read as NaN, never as zeros.

    Args:
        group: the store's root.
        name: path of the array.
        shape: n_rows, d_model.
        how: codec of the inner chunks.
        rows: rows of a shard and of a chunk.
    """
    shard_rows, chunk_rows = rows
    group.create_array(
        name,
        shape=shape,
        dtype=BFloat16() if how.dtype == BFLOAT16 else how.dtype,
        chunks=(chunk_rows, shape[1]),
        shards=(shard_rows, shape[1]),
        compressors=how.compressors,
        fill_value=float("nan"),
        dimension_names=("row", "d_model"),
    )


def create_per_shard(group: zarr.Group, name: str, shape: tuple[int, int]) -> None:
    """Make an empty float64 array with one file per shard of activations."""
    group.create_array(
        name,
        shape=shape,
        dtype=np.float64,
        chunks=(1, shape[1]),
        compressors=INTEGER_COMPRESSORS,
        fill_value=np.nan,
    )
