"""The latent table: Parquet, long form (row, latent, activation), sorted, in parts by row range."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xc.store_schema.errors import RequestError, SchemaError
from xc.store_schema.latent_part import IDENTITY, PATTERN, SCHEMA, Part, read_about, read_entries
from xc.store_schema.row_filter import MASK_ALONE, RowFilter


class LatentTable:
    """Read view of a latent table. Cheap to pickle: it reopens by path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths = sorted(folder.glob(PATTERN))
        if not paths:
            raise SchemaError(
                f"{folder}: expected {PATTERN}, found none; run `xc train`, or "
                "`xc import` with --store"
            )
        read = [read_about(p) for p in paths]
        first = read[0][0]
        self.about: dict[str, Any] = {k: first.get(k) for k in IDENTITY}
        for path, (about, _) in zip(paths, read, strict=True):
            if any(about.get(k) != v for k, v in self.about.items()):
                raise SchemaError(f"{path}: belongs to another checkpoint than {paths[0].name}")
        parts = [Part(p, a["start"], a["stop"], n) for p, (a, n) in zip(paths, read, strict=True)]
        self.parts = tuple(sorted(parts, key=lambda p: p.start))
        for before, after in pairwise(self.parts):
            if after.start < before.stop:
                raise SchemaError(f"{after.path}: overlaps the rows of {before.path.name}")

    @classmethod
    def open(cls, folder: str | Path) -> "LatentTable":
        """Open the folder of a table.

        Raises:
            SchemaError: if it holds no parts, or parts that do not belong together.
            DamageError: if a part is no readable Parquet.
        """
        return cls(Path(folder))

    def __reduce__(self) -> tuple[Any, ...]:
        return LatentTable, (self.folder,)

    @property
    def d_sae(self) -> int:
        """Number of latents."""
        return int(self.about["d_sae"])

    @property
    def checkpoint_fingerprint(self) -> str:
        """Fingerprint of the checkpoint that encoded the rows."""
        return str(self.about["checkpoint"])

    @property
    def row_filter(self) -> RowFilter:
        """Which of the covered rows were encoded; the mask alone where the parts do not say."""
        told = self.about["filter"]
        return MASK_ALONE if told is None else RowFilter.from_dict(told)

    @property
    def n_entries(self) -> int:
        """Non-zero activations in all parts."""
        return sum(p.entries for p in self.parts)

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Row ranges covered, in order."""
        return tuple((p.start, p.stop) for p in self.parts)

    def entries(
        self, start: int, stop: int, columns: Sequence[str] = tuple(SCHEMA.names)
    ) -> tuple[np.ndarray, ...]:
        """Rows (int64), latents (int32) and activations (float32) with start ≤ row < stop.

        Args:
            start: first row.
            stop: row behind the last.
            columns: which of `row`, `latent`, `activation` to read, in the order they come back.

        Raises:
            RequestError: if the table does not cover the range.
            DamageError: if a file cannot be read.
        """
        parts = [p for p in self.parts if p.start < stop and p.stop > start]
        covered = sum(min(p.stop, stop) - max(p.start, start) for p in parts)
        if start > stop or covered != stop - start:
            raise RequestError(f"{self.folder} does not cover rows {start} to {stop}")
        tables = [_read(p, start, stop, columns) for p in parts]
        table = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
        return tuple(table.column(name).to_numpy() for name in columns)

    def csr(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows [start, stop) in compressed form: indptr int64 [n + 1], latents, activations.

        Raises:
            RequestError: if the table does not cover the range.
            DamageError: if a file cannot be read.
        """
        row, latent, activation = self.entries(start, stop)
        indptr = np.searchsorted(row, np.arange(start, stop + 1)).astype(np.int64)
        return indptr, latent, activation


def _read(part: Part, start: int, stop: int, columns: Sequence[str]) -> pa.Table:
    whole = start <= part.start and part.stop <= stop
    return read_entries(part.path, None if whole else (start, stop), columns=columns)
