"""Room for further sources in a store: which of those asked for are new, and their empty arrays."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xc.store_schema.atomic import put, remove
from xc.store_schema.codecs import Codec
from xc.store_schema.errors import RequestError
from xc.store_schema.places import Place
from xc.store_schema.shard_record import record_width
from xc.store_schema.source import Source, check_new_key
from xc.store_schema.store_layout import SCHEMA_VERSION, count_shards
from xc.store_schema.zarr_group import (
    METADATA,
    activations_metadata,
    norms_metadata,
    per_shard_metadata,
    put_groups,
    records_metadata,
)


def new_sources(
    store: Place, attributes: Mapping[str, Any], sources: Sequence[Source]
) -> list[Source]:
    """Those that a store does not hold yet, each once.

    Raises:
        RequestError: if it holds one of the same key that was harvested otherwise, or a new key
            is not to be written.
    """
    known = {s["key"]: s for s in attributes["sources"]}
    for source in sources:
        old = known.get(source.key)
        if old is not None and old != source.to_dict():
            raise RequestError(_difference(store, old, source.to_dict()))
    found = [s for s in dict.fromkeys(sources) if s.key not in known]
    for source in found:
        check_new_key(source.key)
    return found


def _difference(store: Place, old: dict[str, Any], new: dict[str, Any]) -> str:
    field = next(name for name in new if old.get(name) != new[name])
    return (
        f"{store}: holds {new['key']} with {field} {old.get(field)!r}; asked for {new[field]!r}; "
        "choose another --store"
    )


def with_sources(
    attributes: Mapping[str, Any],
    sources: Sequence[Source],
    tuples: Sequence[list[str]],
    command: str,
) -> dict[str, Any]:
    """What changes of the attributes where sources, tuples of keys and a command come in."""
    return {
        "sources": [*attributes["sources"], *(s.to_dict() for s in sources)],
        "tuples": [*attributes["tuples"], *tuples],
        "provenance": _with_command(attributes.get("provenance", {}), command),
        "complete": False,
    }


def _with_command(record: dict[str, Any], command: str) -> dict[str, Any]:
    """A store's record after one more command; the same one twice counts once."""
    commands = record.get("commands", [])
    if command and command not in commands:
        return {**record, "commands": [*commands, command]}
    return record


def make_arrays(store: Place, attributes: Mapping[str, Any], source: Source, how: Codec) -> None:
    """Make the empty arrays of a source; what a killed writer left of that name goes."""
    for name, metadata in {
        **metadata_beside(attributes, source),
        f"activations/{source.key}": metadata_of_activations(attributes, source, how),
    }.items():
        folder = store.joinpath(*name.split("/"))
        if isinstance(folder, Path):
            remove(folder)
        put_groups(store, name)
        put(folder / METADATA, metadata)


def metadata_beside(attributes: Mapping[str, Any], source: Source) -> dict[str, np.ndarray]:
    """The `zarr.json` of the arrays that hold something of every shard, by the arrays' paths."""
    n_rows, shard_rows = int(attributes["n_rows"]), int(attributes["shard_rows"])
    n_shards, width = count_shards(n_rows, shard_rows), record_width(source.d_model, SCHEMA_VERSION)
    return {
        f"statistics/{source.key}/per_shard": per_shard_metadata((n_shards, width)),
        f"norms/{source.key}": norms_metadata(n_rows, shard_rows),
        f"shards/{source.key}": records_metadata(n_shards),
    }


def metadata_of_activations(
    attributes: Mapping[str, Any], source: Source, how: Codec
) -> np.ndarray:
    """The `zarr.json` of a source's activations."""
    rows = int(attributes["shard_rows"]), int(attributes["chunk_rows"])
    return activations_metadata((int(attributes["n_rows"]), source.d_model), how, rows)
