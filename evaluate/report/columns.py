"""The per-latent table as NumPy columns: numbers as float64 with NaN for null, classes as text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xc.evaluate.overall import agreed

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LatentColumns:
    """Columns of `latents.parquet`, each [d_sae]."""

    latent: npt.NDArray[np.int64]
    """Number of the latent."""
    classes: npt.NDArray[np.str_]
    """shared, a_only, b_only, …, other, dead; of one source alive, dead; empty text where the table
    says nothing. With more than two sources: what all pairs agree on, else other."""
    numbers: Mapping[str, Floats]
    """Every other numeric column."""

    @property
    def classed(self) -> bool:
        """Whether any latent is known to be of a class; where none is, classes were left out."""
        return len(self.classes) == 0 or bool((self.classes != "").any())

    def has(self, name: str) -> bool:
        """Whether a column is there and holds at least one finite value."""
        column = self.numbers.get(name)
        return column is not None and bool(np.isfinite(column).any())

    def number(self, name: str) -> Floats:
        """A column; all NaN where the table does not have it."""
        column = self.numbers.get(name)
        return np.full(len(self.latent), np.nan) if column is None else column

    def of_class(self, name: str) -> Mask:
        """Which latents are of a class, [d_sae]."""
        mask: Mask = self.classes == name
        return mask


def read_columns(table: Any) -> LatentColumns:
    """Take a pyarrow table apart; columns that are neither numbers nor the class are left out."""
    numeric = [f.name for f in table.schema if _is_number(f.type) and f.name != "latent"]
    return LatentColumns(
        latent=_latents(table),
        classes=_classes(table),
        numbers={name: _floats(table.column(name)) for name in numeric},
    )


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _floats(column: Any) -> Floats:
    values: Floats = column.cast(pa.float64()).to_numpy()
    return values


def _latents(table: Any) -> npt.NDArray[np.int64]:
    if "latent" not in table.column_names:
        return np.arange(table.num_rows, dtype=np.int64)
    return np.asarray(table.column("latent").to_numpy(), dtype=np.int64)


def _classes(table: Any) -> npt.NDArray[np.str_]:
    if "class" in table.column_names:
        return _texts(table.column("class"))
    columns = [n for n in table.column_names if n.startswith("class_")]
    if not columns:
        return np.full(table.num_rows, "", dtype=np.str_)
    pairs = [(first, second) for _, first, second in (n.split("_") for n in columns)]
    return agreed(np.stack([_texts(table.column(n)) for n in columns], axis=1), pairs)


def _texts(column: Any) -> npt.NDArray[np.str_]:
    return np.array([name or "" for name in column.to_pylist()], dtype=np.str_)
