"""Opening and making the Zarr groups and arrays of a store, here or on another machine."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.abc.store import ByteRequest, Store
from zarr.codecs import Crc32cCodec
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import FsspecStore, LocalStore, StorePath, WrapperStore

from xc.store_schema import bfloat16
from xc.store_schema.atomic import put, put_if_changed
from xc.store_schema.bfloat16 import BFLOAT16, BFloat16
from xc.store_schema.codecs import INTEGER_COMPRESSORS, Codec
from xc.store_schema.encode_shard import array_metadata, encode_array, group_metadata
from xc.store_schema.errors import SchemaError, XcError
from xc.store_schema.places import Place, has_file, read_bytes

bfloat16.register()

INTEGER_CHUNK = 1 << 18
METADATA = "zarr.json"


class WholeStore(WrapperStore[Store]):
    """A Zarr store in which a chunk that is not there is an error, not the fill value."""

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """The bytes of a key.

        Raises:
            FileNotFoundError: for a chunk that is not there.
        """
        found = await super().get(key, prototype, byte_range)
        if found is None and "/c/" in key:
            raise FileNotFoundError(key)
        return found


def zarr_store(where: Place, *, read_only: bool = True, whole: bool = False) -> Store:
    """What Zarr reads from a folder or URL.

    Args:
        where: the root of a group.
        read_only: whether Zarr may not write there.
        whole: whether an absent chunk is an error.
    """
    store: Store
    if isinstance(where, Path):
        store = LocalStore(where, read_only=read_only)
    else:
        options = dict(where.storage_options)
        store = FsspecStore.from_url(str(where), storage_options=options, read_only=read_only)
    return WholeStore(store) if whole else store


def open_group(path: Place, mode: Any, *, whole: bool = False) -> zarr.Group:
    """Open the group of a store.

    Raises:
        SchemaError: if the path holds no Zarr v3 group.
        XcError: if a place elsewhere cannot be reached.
    """
    _check_is_there(path)
    try:
        store = zarr_store(path, read_only=mode == "r", whole=whole)
        return zarr.open_group(store, mode=mode, zarr_format=3)
    except XcError:
        raise
    except Exception as error:  # whatever Zarr makes of metadata that are none
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise SchemaError(f"{path}: not a readable Zarr v3 group ({text})") from error


def _check_is_there(path: Place) -> None:
    if not has_file(path / METADATA):
        found = "no Zarr group" if isinstance(path, Path) and path.exists() else "nothing"
        raise SchemaError(f"{path}: expected an activation store, found {found}")


def open_array(path: Place, name: str, *, whole: bool = False) -> zarr.Array[Any]:
    """Open an array of a store for reading, by its own metadata alone.

    A store has some eighty arrays; through its group each costs two round trips to Zarr's thread.

    Raises:
        SchemaError: if the path holds no Zarr v3 group, or the array cannot be opened.
        XcError: if a place elsewhere cannot be reached.
    """
    _check_is_there(path)
    metadata = read_metadata(path, name)
    if metadata.get("node_type") == "group":
        raise SchemaError(f"{path}: expected an array at '{name}', found a group")
    try:
        return zarr.Array.from_dict(StorePath(zarr_store(path, whole=whole), name), metadata)
    except Exception as error:  # whatever Zarr makes of metadata that are none
        raise SchemaError(f"{path}: array '{name}' is missing or unreadable") from error


def read_metadata(path: Place, name: str) -> dict[str, Any]:
    """The `zarr.json` of an array.

    Raises:
        SchemaError: if it is not there, or not a mapping in JSON.
        XcError: if a place elsewhere cannot be reached.
    """
    try:
        found = json.loads(read_bytes(path.joinpath(name, METADATA)))
    except (OSError, ValueError) as error:
        raise SchemaError(f"{path}: array '{name}' is missing or unreadable") from error
    if not isinstance(found, dict):
        raise SchemaError(f"{path}: array '{name}' is missing or unreadable")
    return found


def put_attributes(store: Place, attributes: Mapping[str, Any]) -> None:
    """Write the attributes of a store's root group, in one write."""
    put(store / METADATA, group_metadata(attributes))


def put_groups(store: Place, name: str) -> None:
    """Make the groups between the root and an array, where they are not there yet."""
    folder = store
    for part in name.split("/")[:-1]:
        folder = folder / part
        put_if_changed(folder / METADATA, group_metadata())


def put_files(store: Place, name: str, files: Mapping[str, np.ndarray]) -> None:
    """Write an array's files, its metadata last; the groups above it are there."""
    for file in sorted(files, key=lambda f: f == METADATA):
        put(store.joinpath(name, *file.split("/")), files[file])


def integer_files(values: np.ndarray) -> dict[str, np.ndarray]:
    """The files of an integer or bool array, compressed and with checksums."""
    chunks = (min(INTEGER_CHUNK, max(len(values), 1)),)
    return encode_array(values, chunks=chunks, compressors=INTEGER_COMPRESSORS)


def put_integers(store: Place, name: str, values: np.ndarray) -> None:
    """Store an integer or bool array, compressed and with checksums."""
    put_groups(store, name)
    put_files(store, name, integer_files(values))


def put_float64(store: Place, name: str, values: np.ndarray) -> None:
    """Store a small float64 array in one chunk."""
    files = encode_array(
        values.astype(np.float64, copy=False),
        chunks=tuple(max(n, 1) for n in values.shape),
        compressors=INTEGER_COMPRESSORS,
        fill_value=np.nan,
    )
    put_groups(store, name)
    put_files(store, name, files)


def activations_metadata(shape: tuple[int, int], how: Codec, rows: tuple[int, int]) -> np.ndarray:
    """The `zarr.json` of a sharded array; unwritten values read as NaN, never as zeros.

    Args:
        shape: n_rows, d_model.
        how: codec of the inner chunks.
        rows: rows of a shard and of a chunk.
    """
    shard_rows, chunk_rows = rows
    return array_metadata(
        shape=shape,
        dtype=BFloat16() if how.dtype == BFLOAT16 else how.dtype,
        chunks=(chunk_rows, shape[1]),
        shards=(shard_rows, shape[1]),
        serializer=how.serializer,
        compressors=how.compressors,
        fill_value=float("nan"),
        dimension_names=("row", "d_model"),
    )


def per_shard_metadata(shape: tuple[int, int]) -> np.ndarray:
    """The `zarr.json` of a float64 array with one file per shard of activations."""
    return array_metadata(
        shape=shape,
        dtype=np.float64,
        chunks=(1, shape[1]),
        compressors=INTEGER_COMPRESSORS,
        fill_value=np.nan,
    )


def norms_metadata(n_rows: int, shard_rows: int) -> np.ndarray:
    """The `zarr.json` of a float32 array of a number per row, one file per shard."""
    return array_metadata(
        shape=(n_rows,),
        dtype=np.float32,
        chunks=(shard_rows,),
        compressors=(Crc32cCodec(),),
        fill_value=np.nan,
    )


def records_metadata(n_shards: int) -> np.ndarray:
    """The `zarr.json` of a uint64 array of size and checksum per shard, one file per shard."""
    return array_metadata(
        shape=(n_shards, 2), dtype=np.uint64, chunks=(1, 2), compressors=(Crc32cCodec(),)
    )
