"""Reading view of one source's activations."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from xc.store_schema.errors import DamageError
from xc.store_schema.zarr_group import get_array, open_group


@dataclass(frozen=True)
class RawActivations:
    """Activations [n_rows, d_model] in the stored type; slices and row lists read from disk."""

    store_path: Path
    key: str

    @cached_property
    def _array(self) -> zarr.Array[Any]:
        return get_array(open_group(self.store_path, "r"), f"activations/{self.key}")

    def __getstate__(self) -> dict[str, Any]:
        return {"store_path": self.store_path, "key": self.key}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and width."""
        n, d = self._array.shape
        return n, d

    @property
    def ndim(self) -> int:
        """Two."""
        return 2

    @property
    def dtype(self) -> np.dtype[Any]:
        """Stored type."""
        return np.dtype(self._array.dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        """Read rows: a slice, an integer, a list of rows, or a pair with columns.

        Raises:
            DamageError: if a chunk fails its checksum or a shard is not whole.
        """
        try:
            return np.asarray(self._read(index))
        except (ValueError, OSError, RuntimeError) as error:
            raise DamageError(
                f"{self.store_path}: activations of {self.key} are damaged ({error}); "
                f"`xc verify {self.store_path}` names the shard"
            ) from error

    def _read(self, index: Any) -> Any:
        if isinstance(index, np.ndarray | list):
            return self._array.oindex[np.asarray(index), :]
        return self._array[index]


@dataclass(frozen=True)
class Activations:
    """The same as float32."""

    raw: RawActivations

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and width."""
        return self.raw.shape

    @property
    def ndim(self) -> int:
        """Two."""
        return 2

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32."""
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, index: Any) -> np.ndarray:
        """Read rows and widen them; see `RawActivations`."""
        return self.raw[index].astype(np.float32, copy=False)
