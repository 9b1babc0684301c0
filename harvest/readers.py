"""Local files as documents: one reader per kind of file."""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import pyarrow
import pyarrow.parquet

from xc.harvest.records import choose_column, text_of
from xc.harvest.text_files import cut_lines
from xc.store_schema import RequestError

ENDINGS = ".txt, .jsonl, .parquet (the first two also .gz)"

Read = Callable[[Path, str | None], Iterator[str]]


def kind_of(path: Path) -> str | None:
    """The ending that tells how a file is read; None if it cannot be read or is hidden."""
    name = path.name.lower().removesuffix(".gz")
    ending = Path(name).suffix
    if name.startswith(".") or ending not in _READERS:
        return None
    return None if ending == ".parquet" and path.name.lower().endswith(".gz") else ending


def read_documents(path: Path, text_column: str | None) -> Iterator[str]:
    """Documents of a file, in order.

    Raises:
        RequestError: if the file is not what its ending says, or holds no text.
    """
    kind = kind_of(path)
    if kind is None:
        raise RequestError(f"{path}: unknown kind of file; expected {ENDINGS}")
    try:
        yield from _READERS[kind](path, text_column)
    except (OSError, EOFError, pyarrow.ArrowInvalid) as error:
        raise RequestError(f"{path}: cannot be read ({error})") from error


def _read_text(path: Path, text_column: str | None) -> Iterator[str]:
    with _open(path) as stream:
        yield from cut_lines(stream)


def _read_json_lines(path: Path, text_column: str | None) -> Iterator[str]:
    with _open(path) as stream:
        yield from column_texts(_records(stream, path), text_column, where=str(path))


def _read_parquet(path: Path, text_column: str | None) -> Iterator[str]:
    with pyarrow.parquet.ParquetFile(path) as file:
        column = choose_column(file.schema_arrow.names, text_column, where=str(path))
        for batch in file.iter_batches(columns=[column], batch_size=1024):
            for value in batch.column(column).to_pylist():
                yield text_of(value, where=f"{path}, column {column}")


def _records(stream: Iterable[str], path: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(stream, start=1):
        if line.strip():
            yield _record(line, f"{path}, line {number}")


def _record(line: str, where: str) -> Mapping[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise RequestError(f"{where}: no JSON ({error}); expected an object a line") from error
    if isinstance(value, str):
        return {"text": value}
    if not isinstance(value, dict):
        raise RequestError(f"{where}: expected a JSON object, found {type(value).__name__}")
    return value


def column_texts(
    records: Iterable[Mapping[str, Any]], text_column: str | None, *, where: str
) -> Iterator[str]:
    """The text of each record; the column is chosen at the first one and stays.

    Raises:
        RequestError: if a record lacks the column or holds something else in it.
    """
    column = None
    for number, record in enumerate(records, start=1):
        if column is None:
            column = choose_column(list(record), text_column, where=where)
        if column not in record:
            raise RequestError(f"{where}: record {number} has no column '{column}'")
        yield text_of(record[column], where=f"{where}, record {number}, column {column}")


def _open(path: Path) -> IO[str]:
    """Text with its line ends as they are; bytes that are no UTF-8 become U+FFFD."""
    how: Any = {"encoding": "utf-8-sig", "errors": "replace", "newline": ""}
    opener: Any = gzip.open if path.name.lower().endswith(".gz") else open
    stream: IO[str] = opener(path, "rt", **how)
    return stream


_READERS: dict[str, Read] = {
    ".txt": _read_text,
    ".jsonl": _read_json_lines,
    ".parquet": _read_parquet,
}
