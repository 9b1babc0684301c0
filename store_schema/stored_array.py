"""An array of a store, read lazily; bytes that are damaged are told by the file that holds them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from xc.store_schema.errors import DamageError, XcError
from xc.store_schema.places import Place, is_there
from xc.store_schema.plain_shards import PlainShards, plain_shards
from xc.store_schema.zarr_group import open_array


@dataclass(frozen=True)
class StoredArray:
    """One array, one or two axes, split into files along the first. Cheap to pickle."""

    store_path: Place
    """The store."""
    name: str
    """Path of the array in the store, `rows/mask`."""
    whole: bool = True
    """Whether a file that is absent is damage; if not, its values read as the fill value."""

    @cached_property
    def _array(self) -> zarr.Array[Any]:
        return open_array(self.store_path, self.name, whole=self.whole)

    @cached_property
    def _plain(self) -> PlainShards | None:
        """The way to read rows without Zarr, where there is one."""
        if not isinstance(self.store_path, Path):
            return None
        return plain_shards(self.store_path / self.name, self._array.metadata.to_dict())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.store_path, self.name, self.whole)

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Stored type."""
        return np.dtype(self._array.dtype)

    @property
    def file_rows(self) -> int:
        """Rows that one file holds."""
        return int((self._array.shards or self._array.chunks)[0])

    @property
    def n_files(self) -> int:
        """Files that the array takes when whole."""
        return -(-len(self) // self.file_rows)

    def __len__(self) -> int:
        return self.shape[0]

    def file(self, index: int) -> Place:
        """The file that holds the rows from `index` times `file_rows` on."""
        return self.store_path.joinpath(self.name, "c", str(index), *["0"] * (self.ndim - 1))

    def read_file(self, index: int) -> np.ndarray:
        """All rows of one file.

        Raises:
            DamageError: if it is absent, cut short, or fails a checksum.
        """
        start = index * self.file_rows
        try:
            return np.asarray(self._array[start : start + self.file_rows])
        except (MemoryError, XcError):
            raise
        except Exception as error:  # damaged bytes make Zarr's codecs raise many kinds
            if self.whole and not is_there(self.file(index)):
                raise DamageError(
                    f"{self.file(index)} is gone or empty; {self._remedy()}"
                ) from error
            raise DamageError(
                f"{self.file(index)} is damaged ({_one_line(error)}); {self._remedy()}"
            ) from error

    def read_into(self, start: int, stop: int, out: np.ndarray) -> None:
        """Read consecutive rows into `out` [stop - start, …], contiguous and of the stored type.

        Raises:
            DamageError: as indexing does.
        """
        if self._plain is None or not self._plain.read(start, stop, out):
            out[...] = self._through_zarr(slice(start, stop))

    def __getitem__(self, index: Any) -> np.ndarray:
        """Read rows: a slice, an integer, a list or array of rows, or a pair with columns.

        Raises:
            IndexError: if the index does not fit the array.
            DamageError: if a file is absent, cut short, or fails a checksum; it is named.
        """
        values = self._directly(index)
        return self._through_zarr(index) if values is None else values

    def _directly(self, index: Any) -> np.ndarray | None:
        """Whole rows by a slice or a list, if they can be read without Zarr."""
        if self._plain is None:
            return None
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            out = np.empty((max(stop - start, 0), self.shape[1]), self.dtype)
            fits = step == 1 and self._plain.read(start, start + len(out), out)
            return out if fits else None
        rows = np.asarray(index) if isinstance(index, np.ndarray | list) else None
        if rows is None or rows.ndim != 1 or rows.dtype.kind not in "iu":
            return None
        rows = np.where(rows < 0, rows + len(self), rows).astype(np.int64)
        if ((rows < 0) | (rows >= len(self))).any():
            return None
        out = np.empty((len(rows), self.shape[1]), self.dtype)
        return out if self._plain.take(rows, out) else None

    def _through_zarr(self, index: Any) -> np.ndarray:
        try:
            return np.asarray(self._read(index))
        except (IndexError, MemoryError, XcError):
            raise
        except Exception as error:  # as above
            self._name_damage(index)
            text = f"{self.store_path}: {self.name} could not be read ({_one_line(error)})"
            raise DamageError(text) from error

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype=dtype)

    def _read(self, index: Any) -> Any:
        if isinstance(index, np.ndarray | list):
            rows = np.asarray(index)
            return self._array.oindex[rows.astype(np.intp) if rows.size == 0 else rows]
        return self._array[index]

    def _name_damage(self, index: Any) -> None:
        for i in files_touched(index, len(self), self.file_rows):
            self.read_file(i)

    def _remedy(self) -> str:
        return "run the same `xc harvest` again to repair it"


def files_touched(index: Any, n_rows: int, file_rows: int) -> Iterable[int]:
    """Numbers of the files that hold the rows of a valid index, in order."""
    first = index[0] if isinstance(index, tuple) and index else index
    if isinstance(first, slice):
        rows = range(*first.indices(n_rows))
        if len(rows) == 0:
            return ()
        if rows.step <= file_rows:
            return range(rows[0] // file_rows, rows[-1] // file_rows + 1)
        return sorted({row // file_rows for row in rows})
    if first is Ellipsis or isinstance(first, tuple):
        return range(-(-n_rows // file_rows))
    listed = np.atleast_1d(np.asarray(first))
    listed = np.flatnonzero(listed) if listed.dtype == bool else listed.astype(np.int64)
    return [int(i) for i in np.unique(np.where(listed < 0, listed + n_rows, listed) // file_rows)]


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
