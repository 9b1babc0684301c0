"""What is known of a source once all its shards are there: sinks, quantiles, mean and variance."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from xc.store_schema.atomic import put_if_changed
from xc.store_schema.codecs import INTEGER_COMPRESSORS
from xc.store_schema.encode_shard import array_metadata, encode_file
from xc.store_schema.errors import DamageError, SchemaError
from xc.store_schema.norms import Norms
from xc.store_schema.places import Place, is_there
from xc.store_schema.settle_moments import settled
from xc.store_schema.shard_record import unpack
from xc.store_schema.sinks import NO_THRESHOLD, flags
from xc.store_schema.source import Source
from xc.store_schema.statistics import Moments, SourceStatistics, finish, merge_all
from xc.store_schema.stored_array import StoredArray
from xc.store_schema.zarr_group import INTEGER_CHUNK, METADATA, put_float64, put_groups

_VECTORS = ("mean", "variance")


def seal_source(store: Place, source: Source, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Write what follows from all shards of a source together: sinks, mean and variance.

    Args:
        store: where the shards, their moments and norms lie.
        source: the source.
        attributes: of the store; read are `schema_version` and `sink_multiple`.

    Returns:
        Its entry in the attribute `statistics`.

    Raises:
        DamageError: if moments or norms of a shard are absent or cannot be read.
    """
    if int(attributes["schema_version"]) < 2:
        values = finish(merge_all(shard_moments(store, source.key, None), source.d_model))
    else:
        norms = Norms(store, source.key, float(attributes["sink_multiple"]))
        values = source_statistics(store, source, norms)
        write_sinks(store, source.key, norms)
    write_vectors(store, source.key, values)
    return values.scalars()


def source_statistics(store: Place, source: Source, norms: Norms) -> SourceStatistics:
    """Statistics of a source, from what its shards carry.

    Raises:
        DamageError: if moments or norms of a shard are absent or cannot be read.
    """
    sinks = norms.sinks()
    total = merge_all(shard_moments(store, source.key, norms), source.d_model)
    return finish(total, norms.quantiles(sinks.count), sinks)


def shard_moments(store: Place, key: str, norms: Norms | None) -> Iterator[Moments]:
    """Moments of each shard in order, without the sinks of the whole source; without norms, as
    stored."""
    per_shard = StoredArray(store, f"statistics/{key}/per_shard")
    for index in range(len(per_shard)):
        packed = per_shard.read_file(index)[0]
        if not np.isfinite(packed).all():
            raise DamageError(
                f"{per_shard.file(index)} holds statistics that are not finite; "
                "run the same `xc harvest` again"
            )
        found, threshold = unpack(packed)
        if norms is not None and threshold != norms.threshold:
            found = settled(found, threshold, norms, index)
        yield found


def write_sinks(store: Place, key: str, norms: Norms) -> None:
    """Flag every row, in blocks; files that hold these flags already stay."""
    name, n_rows, threshold = f"sinks/{key}", len(norms.array), norms.threshold
    chunk = min(INTEGER_CHUNK, n_rows)
    about = array_metadata(
        shape=(n_rows,), dtype=np.bool_, chunks=(chunk,), compressors=INTEGER_COMPRESSORS
    )
    put_groups(store, name)
    for start in range(0, n_rows, chunk):
        found = _flags(norms, threshold, start, min(start + chunk, n_rows))
        data = encode_file(json.loads(about.tobytes()), found)
        put_if_changed(store.joinpath("sinks", key, "c", str(start // chunk)), data)
    put_if_changed(store.joinpath("sinks", key, METADATA), about)


def _flags(norms: Norms, threshold: float, start: int, stop: int) -> np.ndarray:
    if threshold == NO_THRESHOLD:
        return np.zeros(stop - start, dtype=bool)
    return flags(norms.array[start:stop], threshold)


def write_vectors(store: Place, key: str, values: SourceStatistics) -> None:
    """Write the mean and the variance, unless they are there."""
    for name, vector in zip(_VECTORS, (values.mean, values.variance), strict=True):
        if not _holds(store, f"statistics/{key}/{name}", vector):
            put_float64(store, f"statistics/{key}/{name}", vector)


def sealed_files(key: str) -> tuple[str, ...]:
    """Files that a seal leaves of each source, below the store."""
    vectors = (f"statistics/{key}/{name}/c/0" for name in _VECTORS)
    return *vectors, f"sinks/{key}/{METADATA}", f"sinks/{key}/c/0"


def _holds(store: Place, name: str, vector: np.ndarray) -> bool:
    stored = StoredArray(store, name)
    try:
        return is_there(stored.file(0)) and np.array_equal(stored[:], vector)
    except (DamageError, SchemaError):  # its file, or its metadata
        return False
