"""Whether files of a run that other programs read too can be read to their end."""

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from xc.store_schema.errors import SchemaError


def read_text(file: Path) -> str:
    """The text of a file.

    Raises:
        SchemaError: if it is missing, or no text.
    """
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SchemaError(f"{file}: is missing") from error
    except (OSError, ValueError) as error:
        raise SchemaError(f"{file}: cannot be read as text ({error})") from error


def read_json(file: Path) -> Any:
    """The value of a JSON file.

    Raises:
        SchemaError: if it is missing, or no JSON.
    """
    text = read_text(file)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SchemaError(f"{file}: not readable JSON ({error})") from error


def read_parquet(file: Path) -> pa.Table:
    """Every page of a Parquet file.

    Raises:
        SchemaError: if one cannot be read.
    """
    try:
        return pq.read_table(file, page_checksum_verification=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SchemaError(f"{file}: not readable Parquet ({error})") from error


def check_object(file: Path) -> None:
    """A JSON file holds one object."""
    if not isinstance(read_json(file), dict):
        raise SchemaError(f"{file}: expected one JSON object")


def check_settings(file: Path) -> None:
    """A YAML file holds settings by name."""
    text = read_text(file)
    if not text.strip():
        raise SchemaError(f"{file}: is empty")
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SchemaError(f"{file}: not readable YAML ({' '.join(str(error).split())})") from error
    if not isinstance(values, dict):
        raise SchemaError(f"{file}: expected settings by name")


def check_lines(file: Path) -> None:
    """Every line of a file is a JSON object."""
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        try:
            whole = isinstance(json.loads(line), dict)
        except (ValueError, RecursionError):
            whole = False
        if not whole:
            raise SchemaError(f"{file}: line {number} is no JSON object")


def check_arrays(file: Path) -> None:
    """An `.npz` has a directory, and all arrays have the checksums in it; none is loaded."""
    try:
        with zipfile.ZipFile(file) as opened:
            damaged = opened.testzip()
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError) as error:
        raise SchemaError(f"{file}: not readable as .npz ({error})") from error
    except (NotImplementedError, RuntimeError) as error:  # compressed otherwise, encrypted
        raise SchemaError(f"{file}: no .npz of xc ({error})") from error
    if damaged is not None:
        raise SchemaError(f"{file}: {damaged} fails its checksum")
