"""One file of a latent table: its columns, its encodings, and what it says of itself."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xc.store_schema.errors import DamageError, SchemaError
from xc.store_schema.store_layout import check_version

VERSION = 1
PATTERN = "part-*.parquet"
SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("latent", pa.int32(), nullable=False),
        pa.field("activation", pa.float32(), nullable=False),
    ]
)
ENCODINGS = {
    "row": "DELTA_BINARY_PACKED",
    "latent": "BYTE_STREAM_SPLIT",
    "activation": "BYTE_STREAM_SPLIT",
}
_KEY = b"xc"
_ABOUT: dict[str, type] = {
    "start": int,
    "stop": int,
    "d_sae": int,
    "checkpoint": str,
    "store": str,
}
IDENTITY = ("d_sae", "checkpoint", "store", "filter")
"""What all parts of a table say alike; `filter` may be unsaid."""


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


def part_path(folder: Path, start: int, stop: int) -> Path:
    """Where the part of the rows [start, stop) lies; names sort as the rows do."""
    return folder / f"part-{start:012d}-{stop:012d}.parquet"


def write_part(
    path: Path, about: dict[str, Any], row: np.ndarray, latent: np.ndarray, activation: np.ndarray
) -> None:
    """Write one file: entries, checksums of its pages, and `about` in its metadata."""
    text = json.dumps({"schema_version": VERSION, **about}, sort_keys=True)
    table = pa.table(
        [
            pa.array(row, pa.int64()),
            pa.array(latent, pa.int32()),
            pa.array(activation, pa.float32()),
        ],
        schema=SCHEMA.with_metadata({_KEY: text.encode()}),
    )
    pq.write_table(
        table,
        path,
        compression="zstd",
        use_dictionary=False,
        column_encoding=ENCODINGS,
        write_page_checksum=True,
    )


def read_about(path: Path) -> tuple[dict[str, Any], int]:
    """What a part says of itself, and its number of entries.

    Raises:
        DamageError: if the file is no readable Parquet.
        SchemaError: if it is no part of a latent table, or of a newer version.
    """
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damage(path, error) from error
    try:
        about = json.loads((metadata.metadata or {})[_KEY])
    except (KeyError, ValueError, RecursionError) as error:
        raise SchemaError(f"{path}: Parquet, but no part of a latent table") from error
    if not isinstance(about, dict):
        raise SchemaError(f"{path}: expected an object as metadata, found {about!r:.80}")
    check_version(about.get("schema_version"), VERSION, where=path)
    for name, kind in _ABOUT.items():
        if not isinstance(about.get(name), kind):
            raise SchemaError(f"{path}: metadata '{name}' is {about.get(name)!r:.80}")
    _check_filter(path, about.get("filter"))
    return about, metadata.num_rows


def _check_filter(path: Path, values: Any) -> None:
    if values is None:
        return
    if not isinstance(values, dict) or not (
        isinstance(values.get("keep"), list) and isinstance(values.get("drop_sinks"), bool)
    ):
        raise SchemaError(f"{path}: metadata 'filter': expected keep, drop_sinks; found {values!r}")


def read_entries(
    path: Path,
    rows: tuple[int, int] | None = None,
    *,
    columns: Sequence[str] = tuple(SCHEMA.names),
) -> pa.Table:
    """Entries of a part, checksums of what is read verified.

    Args:
        path: the file.
        rows: [start, stop) takes those alone; row groups without any are not read.
        columns: of `SCHEMA`, what to read.

    Raises:
        DamageError: if the file cannot be read.
        SchemaError: if its columns are others.
    """
    filters = None if rows is None else [("row", ">=", rows[0]), ("row", "<", rows[1])]
    try:
        file = pq.ParquetDataset(path, filters=filters, page_checksum_verification=True)
        found = file.schema
        if found.equals(SCHEMA, check_metadata=False):
            return file.read(columns=list(columns))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damage(path, error) from error
    names = ", ".join(f"{f.name} {f.type}" for f in found)
    raise SchemaError(f"{path}: expected columns row, latent, activation; found {names}")


def _damage(path: Path, error: Exception) -> DamageError:
    text = " ".join(str(error).split())[:200]
    return DamageError(f"{path} is damaged ({text}); run the same `xc train` again")
