"""The manifest of a sealed store: size and checksum of every file, in one place."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from xc.store_schema.atomic import PARTIAL, canonical_json, put_if_changed
from xc.store_schema.errors import DamageError
from xc.store_schema.places import Place, read_bytes, sizes
from xc.store_schema.shard_files import checksum, hexadecimal
from xc.store_schema.store_layout import SCHEMA_VERSION, shard_file
from xc.store_schema.zarr_group import METADATA

MANIFEST = "manifest.json"
_THREADS = 4
_TEXT = ("rows", "sequences", "vocabulary")
_OF_SOURCES = ("activations", "statistics", "norms", "sinks", "shards")


def write_manifest(
    store: Place, *, keys: Sequence[str], n_rows: int, shard_rows: int, records: dict[str, Any]
) -> dict[str, Any]:
    """Write the manifest of a store whose other files are all there.

    Args:
        store: the store.
        keys: its sources.
        n_rows: rows of a source.
        shard_rows: rows of a shard.
        records: per key, uint64 [n_shards, 2], size and checksum of each shard.

    Returns:
        Its own size and checksum, for the attributes.
    """
    shards = {
        key: [
            {
                "file": "/".join(shard_file(store, key, i).parts[-5:]),
                "rows": [i * shard_rows, min((i + 1) * shard_rows, n_rows)],
                "bytes": int(size),
                "xxh3": hexadecimal(int(digest)),
            }
            for i, (size, digest) in enumerate(np.asarray(records[key]).tolist())
        ]
        for key in keys
    }
    files = {name: seen(data) for name, data in _read_all(store, sorted(listed_files(store, keys)))}
    about = {"schema_version": SCHEMA_VERSION, "shards": shards, "files": files}
    data = canonical_json(about).encode()
    put_if_changed(store / MANIFEST, data)
    return seen(data)


def read_manifest(store: Place, promised: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says.

    Args:
        store: the store.
        promised: its size and checksum, as the attributes have them.

    Raises:
        DamageError: if it is absent, or not what was written.
    """
    file, remedy = store / MANIFEST, "run the same `xc harvest` again to repair it"
    try:
        data = read_bytes(file)
    except FileNotFoundError as error:
        raise DamageError(f"{file} is gone; {remedy}") from error
    if seen(data) != promised:
        raise DamageError(f"{file} is damaged (its checksum differs); {remedy}")
    about: dict[str, Any] = json.loads(data)
    return about


def seen(data: bytes) -> dict[str, Any]:
    """Size and checksum of a file, as the manifest has them."""
    return {"bytes": len(data), "xxh3": hexadecimal(checksum(data))}


def listed_files(store: Place, keys: Iterable[str]) -> dict[str, int]:
    """Size of every file that the manifest has under `files`: all but shards, root and manifest."""
    known = set(keys)
    return {name: size for name, size in sizes(store).items() if _is_listed(name, known)}


def _is_listed(name: str, keys: set[str]) -> bool:
    parts = name.split("/")
    if name.endswith(PARTIAL) or any(part.startswith(".") for part in parts):
        return False
    if parts[0] in _TEXT:
        return True
    if parts[0] not in _OF_SOURCES or len(parts) == 1:
        return False
    if parts[1:] == [METADATA]:
        return True
    return parts[1] in keys and (parts[0] != "activations" or parts[2] == METADATA)


def _read_all(store: Place, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    with ThreadPoolExecutor(_THREADS) as pool:
        yield from zip(
            names, pool.map(lambda n: read_bytes(store.joinpath(*n.split("/"))), names), strict=True
        )
