"""What a harvest mends in a finished store beside its shards: files that its manifest promises."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

from xc.store_schema import DamageError
from xc.store_schema.manifest import MANIFEST, listed_files, read_manifest
from xc.store_schema.places import Place, has_file, read_bytes
from xc.store_schema.shard_files import checksum, hexadecimal
from xc.store_schema.store_layout import check_attributes
from xc.store_schema.zarr_group import METADATA, open_group

Promised: TypeAlias = dict[str, dict[str, Any]]
"""Size and checksum that files of a store had at its seal, by their paths."""

_NAMED = 4
"""More files than this are counted."""
_THREADS = 4


def wrong_files(store: Place, *, read: bool) -> Promised:
    """Files of a sealed store, shards aside, that are gone or not as they were written.

    Args:
        store: the store; where there is none, or it is not sealed, nothing is promised.
        read: whether to read every byte, or only compare sizes.

    Raises:
        SchemaError: if something else is there, or a store of a newer schema.
    """
    if not has_file(store / METADATA):
        return {}
    attributes: dict[str, Any] = dict(open_group(store, "r").attrs)
    check_attributes(store, attributes)
    if not attributes["complete"] or "manifest" not in attributes:
        return {}
    try:
        files: Promised = read_manifest(store, attributes["manifest"])["files"]
    except DamageError:  # what it promised of the others nobody knows
        return {MANIFEST: attributes["manifest"]}
    sizes = listed_files(store, [source["key"] for source in attributes["sources"]])
    right = {name for name, promised in files.items() if sizes.get(name) == promised["bytes"]}
    if read:
        right = set(_as_promised(store, {name: files[name] for name in right}))
    return {name: promised for name, promised in files.items() if name not in right}


def mended(store: Place, wrong: Promised) -> str | None:
    """Names of those files that are now as they were promised, for a message; None: none is."""
    return _listed(sorted(_as_promised(store, wrong))) or None


def _as_promised(store: Place, files: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    def right(name: str) -> bool:
        try:
            data = read_bytes(store.joinpath(*name.split("/")))
        except OSError:  # gone, or a failing disk
            return False
        return {"bytes": len(data), "xxh3": hexadecimal(checksum(data))} == files[name]

    with ThreadPoolExecutor(_THREADS) as pool:
        for name, is_so in zip(files, pool.map(right, files), strict=True):
            if is_so:
                yield name


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _NAMED + 1:  # one more is named as shortly as counted
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more files"
