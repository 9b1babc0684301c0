"""The files of one source's shards: activations, and beside each shard what was measured of it."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from xc.store_schema.atomic import put
from xc.store_schema.codecs import Codec, codec_of
from xc.store_schema.encode_shard import decode_file, encode_file
from xc.store_schema.errors import DamageError, NumericalError
from xc.store_schema.places import Place, reaching, sizes
from xc.store_schema.shard_record import ShardRecord, shard_record
from xc.store_schema.store_layout import shard_file, shard_sizes
from xc.store_schema.stored_array import StoredArray
from xc.store_schema.zarr_group import read_metadata

_BESIDE = ("statistics/{}/per_shard", "norms/{}", "shards/{}")


@dataclass(frozen=True)
class Mask:
    """The mask of a store's rows, read once."""

    store: Place
    """The store."""

    @cached_property
    def _rows(self) -> np.ndarray:
        return StoredArray(self.store, "rows/mask")[:]

    def __getitem__(self, rows: slice) -> np.ndarray:
        return self._rows[rows]


@dataclass(frozen=True)
class ShardFiles:
    """The shards of one source."""

    store: Place
    """The store."""
    key: str
    """The source."""
    shard_rows: int
    """Rows of a shard."""
    sink_multiple: float
    """Attribute of the store."""
    mask: Mask
    """Of the store's rows."""

    @cached_property
    def metadata(self) -> dict[str, dict[str, Any]]:
        """Each array's `zarr.json`, by the array's path."""
        names = [f"activations/{self.key}", *self.beside]
        return {name: read_metadata(self.store, name) for name in names}

    @property
    def activations(self) -> dict[str, Any]:
        """The `zarr.json` of the activations."""
        return self.metadata[f"activations/{self.key}"]

    @cached_property
    def beside(self) -> tuple[str, ...]:
        """Paths of the arrays that hold something of every shard: moments, norms, record."""
        return tuple(name.format(self.key) for name in _BESIDE)

    def path(self, index: int) -> Place:
        """The file of a shard."""
        return shard_file(self.store, self.key, index)

    def paths_beside(self, index: int) -> tuple[Place, ...]:
        """The files that go with a shard."""
        moments, norms, record = (self.store / name / "c" / str(index) for name in self.beside)
        return moments / "0", norms, record / "0"

    @cached_property
    def codec(self) -> Codec:
        """How the activations are stored."""
        return codec_of(self.activations)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows of the source, and their width."""
        n_rows, width = self.activations["shape"]
        return n_rows, width

    def rows_of(self, index: int) -> tuple[int, int]:
        """First row of a shard, and the row after its last."""
        start = index * self.shard_rows
        return start, min(start + self.shard_rows, self.shape[0])

    def put(self, index: int, rows: np.ndarray) -> None:
        """Write a shard behind what goes with it: a shard on disk has it all.

        Args:
            index: the shard.
            rows: its rows [n, d_model], float32 or the stored type.

        Raises:
            NumericalError: if a kept value is not finite in the stored type.
        """
        stored = self._settle(index, rows)
        record = self._record(index, stored)
        data = encode_file(self.activations, stored)
        self._put_beside(index, record, data)
        put(self.path(index), data)

    def mend(self, index: int, data: bytes, rows: np.ndarray) -> None:
        """Write what goes with a shard once more.

        Args:
            index: the shard.
            data: its bytes.
            rows: what they decode to.

        Raises:
            NumericalError: if a kept value is not finite.
        """
        record = self._record(index, rows)
        self._put_beside(index, record, np.frombuffer(data, np.uint8))

    def _settle(self, index: int, rows: np.ndarray) -> np.ndarray:
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # told below, with the place
                return self.codec.settle(rows)
        except NumericalError as error:
            raise NumericalError(f"{self.key}: shard {index}: {error}") from error

    def _record(self, index: int, stored: np.ndarray) -> ShardRecord:
        start, stop = self.rows_of(index)
        record = shard_record(stored, self.mask[start:stop], self.sink_multiple)
        if not record.finite:
            raise NumericalError(
                f"{self.key}: rows {start} to {stop} hold values that are not finite as "
                f"{stored.dtype}"
            )
        return record

    def decode(self, index: int, data: bytes) -> np.ndarray:
        """The rows of a shard, from its bytes; every checksum in them is looked at.

        Raises:
            DamageError: if the bytes are damaged.
            SchemaError: if the metadata cannot be read, by which the bytes are.
        """
        start, stop = self.rows_of(index)
        about, shape = self.activations, (stop - start, self.shape[1])
        try:
            return decode_file(about, data, shape)
        except MemoryError:
            raise
        except Exception as error:  # damaged bytes make Zarr's codecs raise many kinds
            raise DamageError(f"{self.path(index)} is damaged") from error

    def _put_beside(self, index: int, record: ShardRecord, data: np.ndarray) -> None:
        sums = np.array([[data.size, checksum(data)]], np.uint64)
        values = (record.packed[None, :], record.norms, sums)
        for name, file, rows in zip(self.beside, self.paths_beside(index), values, strict=True):
            put(file, encode_file(self.metadata[name], rows))

    def sizes(self) -> dict[int, int]:
        """Size in bytes of every shard that is on disk."""
        return shard_sizes(self.store, self.key)

    def lacking(self, on_disk: Collection[int]) -> list[int]:
        """Those of some shards that lack a file beside them; one listing a folder."""
        whole = set(on_disk)
        for name, suffix in zip(self.beside, ("/0", "", "/0"), strict=True):
            listed = sizes(self.store / name / "c")
            whole &= {i for i in whole if listed.get(f"{i}{suffix}")}
        return sorted(set(on_disk) - whole)

    def discard(self, index: int) -> None:
        """Remove a shard, and then what goes with it."""
        for file in (self.path(index), *self.paths_beside(index)):
            unlink(file)


def checksum(data: Any) -> int:
    """xxh3 (64 bits) of bytes, or of an array of uint8: of a whole file.

    Not crc32c, which ends every chunk: that of a chunk and its own crc32c is a constant, so it
    would not tell one whole file from another.
    """
    return xxhash.xxh3_64_intdigest(data)


def hexadecimal(digest: int) -> str:
    """A checksum as JSON has it, where numbers above 2⁵³ are not safe."""
    return f"{digest:016x}"


def unlink(file: Place) -> None:
    """Remove a file, if there is one."""
    if isinstance(file, Path):
        file.unlink(missing_ok=True)
    else:
        with reaching(file), suppress(FileNotFoundError):
            file.fs.rm_file(file.path)
