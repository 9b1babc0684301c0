"""bfloat16 as a Zarr v3 data type, found by `zarr.open` through the entry point `zarr.data_type`.

Zarr-python has no bfloat16 of its own. The name follows the zarr-extensions registry, so that
tensorstore reads the same arrays. NumPy's side is `ml_dtypes.bfloat16`.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import ml_dtypes
import numpy as np
from zarr.core.buffer import cpu
from zarr.core.dtype import DataTypeValidationError, ZDType, data_type_registry
from zarr.core.dtype.common import HasEndianness, HasItemSize

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


@dataclass(frozen=True, kw_only=True)
class BFloat16(ZDType[Any, Any], HasEndianness, HasItemSize):
    """Brain floating point: the upper 16 bits of an IEEE float32, little-endian on disk."""

    dtype_cls: ClassVar[Any] = type(BFLOAT16)
    _zarr_v3_name: ClassVar[str] = "bfloat16"

    @property
    def item_size(self) -> int:
        """Bytes per element."""
        return 2

    @classmethod
    def from_native_dtype(cls, dtype: Any) -> Self:
        """Wrap the NumPy type.

        Raises:
            DataTypeValidationError: if `dtype` is not bfloat16.
        """
        if dtype != BFLOAT16:
            raise DataTypeValidationError(f"Expected bfloat16. Got {dtype} instead.")
        return cls()

    def to_native_dtype(self) -> Any:
        """The NumPy type; ml_dtypes knows only the native byte order."""
        return BFLOAT16

    @classmethod
    def _from_json_v2(cls, data: Any) -> Self:
        raise DataTypeValidationError("bfloat16 exists in Zarr v3 only.")

    @classmethod
    def _from_json_v3(cls, data: Any) -> Self:
        if data != cls._zarr_v3_name:
            raise DataTypeValidationError(f"Expected 'bfloat16'. Got {data!r} instead.")
        return cls()

    def to_json(self, zarr_format: Any) -> Any:
        """The name in array metadata."""
        return self._zarr_v3_name

    def _check_scalar(self, data: object) -> bool:
        return isinstance(data, int | float | np.number | ml_dtypes.bfloat16)

    def cast_scalar(self, data: object) -> Any:
        """One value as bfloat16."""
        return ml_dtypes.bfloat16(float(data))  # type: ignore[arg-type]

    def default_scalar(self) -> Any:
        """Zero."""
        return ml_dtypes.bfloat16(0)

    def from_json_scalar(self, data: Any, *, zarr_format: Any) -> Any:
        """A fill value: a number, a special name, or (as the registry allows) hexadecimal bits."""
        if isinstance(data, str) and data.startswith("0x"):
            return np.uint16(int(data, 16)).view(BFLOAT16)
        return ml_dtypes.bfloat16(float(data))

    def to_json_scalar(self, data: object, *, zarr_format: Any) -> Any:
        """A fill value for the metadata; NaN and infinities by name."""
        value = float(data)  # type: ignore[arg-type]
        if np.isfinite(value):
            return value
        return "NaN" if np.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def register() -> None:
    """Make the type known to Zarr in this process; idempotent."""
    data_type_registry.register(BFloat16._zarr_v3_name, BFloat16)


# Zarr 3.1 collects the entry points `zarr.data_type` but never loads them; it does load those of
# `zarr.buffer` before its first read. Ours names Zarr's own buffer, so that loading it changes
# nothing except that this module is imported, and the type known, in time.
Buffer = cpu.Buffer

register()
