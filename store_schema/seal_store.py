"""Sealing a store whose shards are all there: what is known of them together, and that it is so."""

from collections.abc import Mapping, Sequence
from typing import Any

from xc.store_schema.comparisons import compare, pair_name, pairs
from xc.store_schema.damage import mend_shards
from xc.store_schema.errors import DamageError
from xc.store_schema.manifest import MANIFEST, write_manifest
from xc.store_schema.places import Place, is_there
from xc.store_schema.seal import seal_source, sealed_files
from xc.store_schema.shard_files import ShardFiles
from xc.store_schema.source import Source
from xc.store_schema.stored_array import StoredArray


def seal_store(store: Place, attributes: Mapping[str, Any], *, comparisons: bool) -> dict[str, Any]:
    """Write sinks, means, variances and the manifest; the store's attributes then.

    Args:
        store: with all its shards, and what goes with each.
        attributes: of the store.
        comparisons: whether to compare the pairs of sources that were asked for together.

    Raises:
        DamageError: if a file cannot be read.
    """
    sources = [Source.from_dict(s) for s in attributes["sources"]]
    found = {s.key: seal_source(store, s, attributes) for s in sources}
    compared = _compared(store, attributes, anew=comparisons)
    manifest = write_manifest(
        store,
        keys=tuple(found),
        n_rows=int(attributes["n_rows"]),
        shard_rows=int(attributes["shard_rows"]),
        records={key: StoredArray(store, f"shards/{key}")[:] for key in found},
    )
    sealed = {"statistics": found, "comparisons": compared, "manifest": manifest}
    return {**attributes, **sealed, "complete": True}


def _compared(store: Place, attributes: Mapping[str, Any], *, anew: bool) -> dict[str, Any]:
    """Every pair's similarity; pairs of an earlier seal need not be read again."""
    known = attributes.get("comparisons", {})
    found = pairs(attributes["tuples"])
    new = [pair for pair in found if pair_name(*pair) not in known] if anew else []
    every = known | compare(store, new, attributes)
    return {name: every[name] for pair in found if (name := pair_name(*pair)) in every}


def mend_beside(files: ShardFiles, n_shards: int) -> None:
    """Write again what the shards of a source lack beside them.

    Raises:
        DamageError: if a shard is damaged itself.
    """
    if damaged := mend_shards(files, range(n_shards), read=True):
        raise DamageError(
            f"{files.path(min(damaged))} is damaged ({len(damaged)} of {n_shards} shards "
            f"of {files.key}); run the same `xc harvest` again"
        )


def lacks_sealed_files(store: Place, every: Sequence[ShardFiles], n_shards: int) -> bool:
    """Whether files are gone that a seal would write again, from shards that are all there.

    Args:
        store: a complete store.
        every: its sources.
        n_shards: of each.
    """
    numbers = range(n_shards)
    names = [MANIFEST, *(name for files in every for name in sealed_files(files.key))]
    lacking = not all(is_there(store.joinpath(*name.split("/"))) for name in names)
    return (lacking or any(f.lacking(numbers) for f in every)) and all(
        set(numbers) <= f.sizes().keys() for f in every
    )
