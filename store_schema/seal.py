"""The statistics of a whole source, from those that its shards carry."""

from pathlib import Path

import numpy as np
import zarr

from xc.store_schema.errors import DamageError
from xc.store_schema.statistics import Moments, SourceStatistics, finish, merge_all
from xc.store_schema.store_layout import is_there
from xc.store_schema.stored_array import StoredArray
from xc.store_schema.zarr_group import put_float64

_VECTORS = ("mean", "variance")


def merged_statistics(store: Path, key: str, d_model: int) -> SourceStatistics:
    """Merge what every shard keeps, in the order of the shards.

    Raises:
        DamageError: if statistics of a shard are absent or cannot be read.
    """
    packed = StoredArray(store, f"statistics/{key}/per_shard")[:]
    if not np.isfinite(packed).all():
        raise DamageError(f"{store}: the shards of {key} carry statistics that are not finite")
    return finish(merge_all(map(Moments.unpack, packed), d_model))


def write_vectors(group: zarr.Group, store: Path, key: str, values: SourceStatistics) -> None:
    """Write the mean and the variance, unless they are there."""
    for name, vector in zip(_VECTORS, (values.mean, values.variance), strict=True):
        if not _holds(store, f"statistics/{key}/{name}", vector):
            put_float64(group, f"statistics/{key}/{name}", vector)


def has_vectors(store: Path, key: str) -> bool:
    """Whether the files of the mean and the variance are there."""
    files = (store / "statistics" / key / name / "c" / "0" for name in _VECTORS)
    return all(map(is_there, files))


def _holds(store: Path, name: str, vector: np.ndarray) -> bool:
    stored = StoredArray(store, name)
    if not (store / name / "zarr.json").is_file() or not is_there(stored.file(0)):
        return False
    try:
        return np.array_equal(stored[:], vector)
    except DamageError:
        return False
