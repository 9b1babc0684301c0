"""The latent table: Parquet, long form (row, latent, activation), sorted, in parts by row range."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xc.store_schema.atomic import PARTIAL, atomic_path, remove
from xc.store_schema.errors import DamageError, RequestError, SchemaError

VERSION = 1
SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("latent", pa.int32(), nullable=False),
        pa.field("activation", pa.float32(), nullable=False),
    ]
)
_KEY = b"xc"


@dataclass(frozen=True)
class Part:
    """One file of the table."""

    path: Path
    start: int
    """First row covered."""
    stop: int
    """Row after the last covered."""
    entries: int
    """Non-zero activations."""


class LatentTableWriter:
    """Writes a table part by part; each part appears whole or not at all."""

    def __init__(self, folder: str | Path, *, d_sae: int, checkpoint: str, store: str) -> None:
        self.folder = Path(folder)
        self._about: dict[str, Any] = {"d_sae": d_sae, "checkpoint": checkpoint, "store": store}

    def __enter__(self) -> "LatentTableWriter":
        self.folder.mkdir(parents=True, exist_ok=True)
        for leftover in self.folder.glob(f".*{PARTIAL}"):
            remove(leftover)
        for path in self.folder.glob("part-*.parquet"):
            if not self._is_ours(path):
                remove(path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def has(self, start: int, stop: int) -> bool:
        """Whether the part of these rows is there already, from the same checkpoint and store."""
        path = self._path(start, stop)
        return path.is_file() and self._is_ours(path)

    def write(
        self, start: int, stop: int, row: np.ndarray, latent: np.ndarray, activation: np.ndarray
    ) -> None:
        """Write the part of the rows [start, stop).

        Args:
            start: first row covered.
            stop: row after the last covered.
            row: int64 [n], store rows within the range.
            latent: int32 [n].
            activation: float32 [n], f > 0.

        Raises:
            RequestError: if entries are not sorted by row and latent, or lie outside.
        """
        _check_entries(start, stop, row, latent, int(self._about["d_sae"]))
        table = pa.table(
            [
                pa.array(row, pa.int64()),
                pa.array(latent, pa.int32()),
                pa.array(activation, pa.float32()),
            ],
            schema=SCHEMA.with_metadata({_KEY: self._metadata(start, stop)}),
        )
        with atomic_path(self._path(start, stop)) as aside:
            pq.write_table(
                table,
                aside,
                compression="zstd",
                use_dictionary=False,
                column_encoding={
                    "row": "DELTA_BINARY_PACKED",
                    "latent": "BYTE_STREAM_SPLIT",
                    "activation": "BYTE_STREAM_SPLIT",
                },
            )

    def _path(self, start: int, stop: int) -> Path:
        return self.folder / f"part-{start:012d}-{stop:012d}.parquet"

    def _metadata(self, start: int, stop: int) -> bytes:
        about = {"schema_version": VERSION, "start": start, "stop": stop, **self._about}
        return json.dumps(about, sort_keys=True).encode()

    def _is_ours(self, path: Path) -> bool:
        try:
            about = _read_about(path)
        except SchemaError:
            return False
        return all(about.get(name) == value for name, value in self._about.items())


class LatentTable:
    """Read view of a latent table."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths = sorted(folder.glob("part-*.parquet"))
        if not paths:
            raise SchemaError(f"{folder}: expected part-*.parquet, found none; run `xc train`")
        abouts = [_read_about(p) for p in paths]
        self.about = {k: abouts[0][k] for k in ("d_sae", "checkpoint", "store")}
        for path, about in zip(paths, abouts, strict=True):
            if any(about[k] != v for k, v in self.about.items()):
                raise SchemaError(f"{path}: belongs to another checkpoint than {paths[0].name}")
        self.parts = tuple(
            Part(p, a["start"], a["stop"], pq.read_metadata(p).num_rows)
            for p, a in zip(paths, abouts, strict=True)
        )

    @classmethod
    def open(cls, folder: str | Path) -> "LatentTable":
        """Open the folder of a table.

        Raises:
            SchemaError: if it holds no parts, or parts that do not belong together.
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
    def n_entries(self) -> int:
        """Non-zero activations in all parts."""
        return sum(p.entries for p in self.parts)

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Row ranges covered, in order."""
        return tuple((p.start, p.stop) for p in self.parts)

    def entries(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows (int64), latents (int32) and activations (float32) with start ≤ row < stop.

        Raises:
            RequestError: if the table does not cover the range.
            DamageError: if a file cannot be read.
        """
        parts = [p for p in self.parts if p.start < stop and p.stop > start]
        if sum(min(p.stop, stop) - max(p.start, start) for p in parts) != stop - start:
            raise RequestError(f"{self.folder} does not cover rows {start} to {stop}")
        tables = [_read_part(p, start, stop) for p in parts]
        table = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
        row, latent, activation = (
            table.column(name).combine_chunks().to_numpy(zero_copy_only=False)
            for name in ("row", "latent", "activation")
        )
        return row, latent, activation

    def csr(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows [start, stop) in compressed form: indptr int64 [n + 1], latents, activations."""
        row, latent, activation = self.entries(start, stop)
        indptr = np.searchsorted(row, np.arange(start, stop + 1)).astype(np.int64)
        return indptr, latent, activation


def _read_part(part: Part, start: int, stop: int) -> pa.Table:
    whole = start <= part.start and part.stop <= stop
    filters = None if whole else [("row", ">=", start), ("row", "<", stop)]
    try:
        table = pq.read_table(part.path, filters=filters)
    except (pa.ArrowException, OSError) as error:
        raise DamageError(f"{part.path}: unreadable ({error}); run `xc train` again") from error
    if not table.schema.equals(SCHEMA, check_metadata=False):
        raise SchemaError(f"{part.path}: expected columns {SCHEMA.names}, found {table.schema}")
    return table


def _read_about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads((pq.read_schema(path).metadata or {})[_KEY])
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise SchemaError(f"{path}: no part of a latent table ({error})") from error
    if about.get("schema_version", 0) > VERSION:
        raise SchemaError(f"{path}: schema version {about['schema_version']}; upgrade xc")
    return dict(about)


def _check_entries(start: int, stop: int, row: np.ndarray, latent: np.ndarray, d_sae: int) -> None:
    if len(row) == 0:
        return
    if row.min() < start or row.max() >= stop or latent.min() < 0 or latent.max() >= d_sae:
        raise RequestError(f"entries lie outside rows {start} to {stop} or latents 0 to {d_sae}")
    steps = np.diff(row)
    if (steps < 0).any() or (np.diff(latent)[steps == 0] <= 0).any():
        raise RequestError("entries must be sorted by row, then latent, without repeats")
