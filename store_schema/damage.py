"""Finding the shards of a source that are not what was written, and mending what goes with them."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from xc.store_schema.errors import DamageError, NumericalError
from xc.store_schema.places import read_bytes
from xc.store_schema.progress import Progress
from xc.store_schema.shard_files import ShardFiles, checksum
from xc.store_schema.stored_array import StoredArray

_THREADS = 4
"""Shards read at a time, each of some hundred megabytes."""


def damaged_shards(files: ShardFiles, *, read: bool, progress: Progress) -> list[int]:
    """Shards on disk that are not what their record says; what intact ones lack is written again.

    Args:
        files: the source.
        read: whether to read all bytes, or only look at sizes.
        progress: told of every shard, if they are read.
    """
    sizes = files.sizes()
    records = read_records(files, sizes)
    wrong = {i for i, record in records.items() if record[0] != sizes[i]}
    if read:
        wrong |= _wrongly_summed(files, records, set(sizes) - wrong, progress)
    return sorted(wrong | mend_shards(files, set(sizes) - wrong, read=read))


def mend_shards(files: ShardFiles, among: Collection[int], *, read: bool) -> set[int]:
    """Write again what is lost beside intact shards; the shards that turn out to be damaged.

    Args:
        files: the source.
        among: shards on disk.
        read: whether to read what is beside them, or only see that it is there.
    """
    lacking = set(files.lacking(among))
    if read:
        arrays = [StoredArray(files.store, name) for name in files.beside]
        lacking |= {i for i in among if i not in lacking and not _readable(arrays, i)}
    damaged = set()
    for index in sorted(lacking):
        data = read_bytes(files.path(index))
        try:
            rows = files.decode(index, data)
        except DamageError:
            damaged.add(index)
            continue
        try:
            files.mend(index, data, rows)
        except NumericalError:  # what no writer writes
            damaged.add(index)
    return damaged


def read_records(files: ShardFiles, among: Collection[int]) -> dict[int, tuple[int, int]]:
    """Size and checksum of those of some shards whose record can be read."""
    array = StoredArray(files.store, f"shards/{files.key}")
    records = {}
    for index in among:
        try:
            size, digest = array.read_file(index)[0].tolist()
        except DamageError:
            continue
        records[index] = (size, digest)
    return records


def _wrongly_summed(
    files: ShardFiles,
    records: dict[int, tuple[int, int]],
    among: Collection[int],
    progress: Progress,
) -> set[int]:
    progress.start(f"check {files.key}", len(among), "shards")
    wrong = set()
    for index, right in _in_parallel(files, records, sorted(among)):
        progress.advance(1)
        if not right:
            wrong.add(index)
    progress.finish()
    return wrong


def _in_parallel(
    files: ShardFiles, records: dict[int, tuple[int, int]], among: list[int]
) -> Iterator[tuple[int, bool]]:
    def right(index: int) -> bool:
        try:
            data = read_bytes(files.path(index))
        except OSError:  # a failing disk, or gone meanwhile
            return False
        if index in records:
            return (len(data), checksum(data)) == records[index]
        return _decodes(files, index, data)

    with ThreadPoolExecutor(_THREADS) as pool:
        yield from zip(among, pool.map(right, among), strict=True)


def _decodes(files: ShardFiles, index: int, data: bytes) -> bool:
    try:
        files.decode(index, data)
    except DamageError:
        return False
    return True


def _readable(arrays: list[StoredArray], index: int) -> bool:
    """Whether what lies beside a shard can be read, and its moments are numbers."""
    try:
        beside = [array.read_file(index) for array in arrays]
    except DamageError:
        return False
    return bool(np.isfinite(beside[0]).all())
