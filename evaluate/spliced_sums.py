"""RUN/evaluation/ce: per-sequence losses of spliced passes, a Parquet file for each source.

A file tells of what checkpoint, store, source and filter it is; it appears when it is whole, so
that an interrupted measurement goes on with the next source.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xc.evaluate.letters import letter
from xc.evaluate.reader import Reader
from xc.evaluate.spliced_precision import Precision
from xc.store_schema import Progress, RunLayout, atomic_path, canonical_json
from xc.store_schema.atomic import remove

VERSION = 1
"""To be raised when what is summed up changes: files kept from before are then not used."""

COLUMNS: dict[str, str] = {
    "sequence": "held-out sequence of the store",
    "predicted": "tokens predicted in it",
    "replaced": "positions whose activation the splice replaced",
    "clean": "sum of −ln p(next token) of the model as it is, nats",
    "spliced": "the same with the reconstruction in the place of the activation",
    "zero": "the same with zeros at every position",
}
"""What the columns hold."""

_TYPES = (pa.int64(), pa.int64(), pa.int64(), pa.float64(), pa.float64(), pa.float64())
SCHEMA = pa.schema([pa.field(n, t, nullable=False) for n, t in zip(COLUMNS, _TYPES, strict=True)])
_KEY = b"xc"


@dataclass(frozen=True, eq=False)
class SplicedSums:
    """What was measured of one source."""

    columns: Mapping[str, np.ndarray]
    """[sequence] each, under the names of `COLUMNS`."""
    digest: str
    """Equal for equal files."""
    precision: Precision | None
    """In which the model ran; None if the file was written before files told it."""

    @property
    def told(self) -> dict[str, Any]:
        """For provenance.json."""
        precision = self.precision.to_dict() if self.precision else None
        return {"digest": self.digest, "precision": precision}


def spliced_file(run: RunLayout, source: int) -> Path:
    """The file of a source."""
    return run.ce / f"{letter(source)}.parquet"


def identity(reader: Reader, source: int) -> dict[str, Any]:
    """What the sums of a source must be of to be used at all.

    The precision in which the model ran is told beside it: sums of any are of the same run, and
    whoever asks for one, `xc evaluate --ce`, compares.
    """
    return {
        "version": VERSION,
        "checkpoint": reader.checkpoint.fingerprint,
        "store": reader.store.fingerprint_of(reader.keys),
        "source": reader.keys[source],
        "number": source,
        "filter": reader.row_filter.to_dict(),
    }


def save_spliced(
    run: RunLayout,
    reader: Reader,
    source: int,
    columns: Mapping[str, np.ndarray],
    *,
    precision: Precision,
    **measured: object,
) -> None:
    """Write the file of a source.

    Args:
        run: whose.
        reader: of its checkpoint, store and latent table.
        source: number of the source.
        columns: under the names of `COLUMNS`.
        precision: in which the model ran.
        measured: what else is to be told: the model and its revision.
    """
    told = {"of": identity(reader, source), "precision": precision.to_dict(), **measured}
    about = canonical_json(told)
    schema = SCHEMA.with_metadata({_KEY: about.encode()})
    table = pa.table({name: columns[name] for name in COLUMNS}, schema=schema)
    with atomic_path(spliced_file(run, source)) as aside:
        pq.write_table(table, aside, compression="zstd", write_page_checksum=True)


def kept_spliced(reader: Reader, run: RunLayout, progress: Progress) -> dict[int, SplicedSums]:
    """Sums that are there, by number of the source; what is stale or damaged is removed and told.

    Args:
        reader: of the run's checkpoint, store and latent table.
        run: whose.
        progress: told what was removed.
    """
    found: dict[int, SplicedSums] = {}
    for source in range(len(reader.keys)):
        file = spliced_file(run, source)
        if not file.is_file():
            continue
        complaint, sums = _read(file, identity(reader, source))
        if sums is not None:
            found[source] = sums
        else:
            progress.note(f"{file}: {complaint}; removed (`xc evaluate --ce` measures it again)")
            remove(file)
    return found


def _read(file: Path, wanted: Mapping[str, Any]) -> tuple[str, SplicedSums | None]:
    try:
        table = pq.read_table(file, page_checksum_verification=True)
        about = json.loads((table.schema.metadata or {})[_KEY])
        told = about["of"]
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError):
        return "damaged", None
    if told != wanted:
        return "of another checkpoint, store or filter", None
    if not table.schema.equals(SCHEMA):
        return "damaged", None
    columns = {name: table.column(name).to_numpy() for name in COLUMNS}
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return "", SplicedSums(columns, digest, Precision.from_told(about.get("precision")))
