"""Writing again the metadata of a source's groups and arrays, which follow from what else is known.

Each is small, and without it plain Zarr opens nothing of an array whose files are all whole.
"""

from collections.abc import Mapping
from typing import Any

from xc.store_schema.atomic import put
from xc.store_schema.codecs import CODECS
from xc.store_schema.encode_shard import group_metadata
from xc.store_schema.errors import DamageError, SchemaError
from xc.store_schema.manifest import read_manifest, seen
from xc.store_schema.new_sources import metadata_beside, metadata_of_activations
from xc.store_schema.places import Place, read_bytes
from xc.store_schema.source import Source
from xc.store_schema.stored_array import StoredArray
from xc.store_schema.zarr_group import METADATA


def mend_metadata(store: Place, attributes: Mapping[str, Any], key: str) -> bool:
    """Write what is gone or damaged of the `zarr.json` that a writer made for a source.

    Which codec the activations have is written nowhere else; in a sealed store the one is taken
    with which the file is as the manifest promises.

    Args:
        store: the store.
        attributes: of the store.
        key: the source.

    Returns:
        Whether anything was written.

    Raises:
        SchemaError: if that of the activations is lost for good.
        OSError: if the disk refuses.
    """
    source = next(Source.from_dict(s) for s in attributes["sources"] if s["key"] == key)
    promised, written = _promised(store, attributes), False
    for folder, data in {
        **dict.fromkeys(_groups(key), group_metadata()),
        **metadata_beside(attributes, source),
    }.items():
        file = store.joinpath(*folder.split("/"), METADATA)
        found, promise = _read(file), promised.get(f"{folder}/{METADATA}")
        # as promised: right, even if another version of Zarr would write other bytes
        if found != data.tobytes() and (promise is None or seen(found) != promise):
            put(file, data)
            written = True
    return _mend_activations(store, attributes, source, promised) or written


def _groups(key: str) -> tuple[str, ...]:
    return "activations", "statistics", f"statistics/{key}", "norms", "shards"


def _mend_activations(
    store: Place, attributes: Mapping[str, Any], source: Source, promised: Mapping[str, Any]
) -> bool:
    name = f"activations/{source.key}"
    file, promise = store / name / METADATA, promised.get(f"{name}/{METADATA}")
    if promise is not None and seen(_read(file)) != promise:
        for codec in CODECS:
            data = metadata_of_activations(attributes, source, codec)
            if seen(data.tobytes()) == promise:
                put(file, data)
                return True
    _check_activations(store, attributes, source)
    return False


def _check_activations(store: Place, attributes: Mapping[str, Any], source: Source) -> None:
    """Refuse metadata by which whole shards would seem damaged."""
    name, problem = f"activations/{source.key}", "is missing or unreadable"
    try:
        found = StoredArray(store, name).shape
        if found == (attributes["n_rows"], source.d_model):
            return
        problem = f"says shape {list(found)}"
    except SchemaError:
        pass
    raise SchemaError(
        f"{store}: {name}/{METADATA} {problem}; the shards were left as they are; restore that "
        "file, or harvest into a new --store"
    )


def _promised(store: Place, attributes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Size and checksum of the files of a sealed store, by their paths."""
    if not attributes["complete"]:
        return {}
    try:
        files: dict[str, dict[str, Any]] = read_manifest(store, attributes.get("manifest", {}))[
            "files"
        ]
    except DamageError:
        return {}
    return files


def _read(file: Place) -> bytes:
    try:
        return read_bytes(file)
    except OSError:  # gone, or not readable: written anew, or refused with the reason
        return b""
