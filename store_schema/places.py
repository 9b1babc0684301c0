"""Where a store lies: a folder of this machine, or any URL that fsspec knows.

Credentials and endpoints come from where the client library looks for them (environment variables,
its own configuration files); none is ever taken from a command line or kept in an artefact.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import fsspec
from upath import UPath

from xc.store_schema.errors import RequestError, XcError

Place: TypeAlias = Path | UPath
"""A folder or file: `Path` on this machine, `UPath` elsewhere."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_LOCAL = ("file://", "local://")
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}


def place(text: str | Place) -> Place:
    """Where a text points to: a `Path`, or for `scheme://…` a `UPath`.

    Raises:
        RequestError: if it is no text, the scheme is unknown, or its client is not installed.
    """
    if isinstance(text, Path):
        return text
    if not isinstance(text, str | UPath):  # a file of settings may hold anything
        raise RequestError(f"expected a folder or URL, found {text!r:.80}")
    if isinstance(text, str):
        if not _URL.match(text):
            return Path(text)
        if text.startswith(_LOCAL):
            return Path(text.partition("://")[2])
    return _remote(text)


def _remote(url: str | UPath) -> UPath:
    """A place whose listings are never cached: other processes write there too."""
    protocol = str(url).partition("://")[0]
    options = dict(url.storage_options) if isinstance(url, UPath) else {}
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        extra = _EXTRAS.get(protocol)
        what = f'pip install "xcdiff[{extra}]"' if extra else " ".join(str(error).split())
        raise RequestError(f"{url}: no client for {protocol}:// is installed; {what}") from error
    except ValueError as error:
        raise RequestError(
            f"{url}: unknown scheme '{protocol}'; expected a folder, s3://, gs:// or another of "
            "fsspec's"
        ) from error
    found: UPath = UPath(url, **{**options, "use_listings_cache": False})
    return found


def is_local(where: Place) -> bool:
    """Whether a place is a folder or file of this machine."""
    return isinstance(where, Path)


@contextmanager
def reaching(where: Place) -> Iterator[None]:
    """Tell in one line that a place elsewhere cannot be reached; local errors pass unchanged.

    Raises:
        XcError: in place of whatever the client raises.
    """
    try:
        yield
    except XcError:
        raise
    except Exception as error:  # every client has errors of its own
        if isinstance(where, Path):
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise XcError(
            f"{where} could not be reached ({text}); check the address and the credentials in "
            "the environment, and run the same command again"
        ) from error


def relative(file: Place, root: Place) -> str:
    """The path of a file below a root, with `/` between its parts."""
    return file.as_posix().removeprefix(root.as_posix()).lstrip("/") or "."


def is_there(file: Place) -> bool:
    """Whether a file is there and not empty: a crash of the machine can leave empty ones."""
    if isinstance(file, Path):
        try:
            found = file.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size > 0
    about = _info(file)
    return about is not None and about["type"] == "file" and bool(about["size"])


def has_file(file: Place) -> bool:
    """Whether there is a file of that name, empty or not."""
    if isinstance(file, Path):
        return file.is_file()
    about = _info(file)
    return about is not None and about["type"] == "file"


def _info(file: UPath) -> dict[str, Any] | None:
    with reaching(file):
        try:
            found: dict[str, Any] = file.fs.info(file.path)
        except FileNotFoundError:
            return None
    return found


def read_bytes(file: Place) -> bytes:
    """All bytes of a file.

    Raises:
        FileNotFoundError: if there is none.
        XcError: if a place elsewhere cannot be reached.
    """
    if isinstance(file, Path):
        return file.read_bytes()
    with reaching(file):
        try:
            data: bytes = file.fs.cat_file(file.path)
        except FileNotFoundError:
            data = b""
    if not data:
        raise FileNotFoundError(str(file))
    return data


def sizes(folder: Place) -> dict[str, int]:
    """Size in bytes of every file below a folder, by its path from there; one listing.

    A folder that does not exist has no files.
    """
    if isinstance(folder, Path):
        return dict(_local_sizes(os.fspath(folder), ""))
    with reaching(folder):
        found: dict[str, dict[str, Any]] = folder.fs.find(folder.path, detail=True)
    root = folder.path.strip("/") + "/"
    return {
        name.lstrip("/").removeprefix(root): int(about["size"])
        for name, about in found.items()
        if about["type"] == "file"
    }


def _local_sizes(folder: str, prefix: str) -> Iterator[tuple[str, int]]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in sorted(entries, key=lambda e: e.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _local_sizes(entry.path, f"{prefix}{entry.name}/")
        else:
            try:
                yield prefix + entry.name, entry.stat().st_size
            except FileNotFoundError:  # renamed or removed by another process meanwhile
                continue
