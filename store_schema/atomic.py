"""Write aside, then rename: a file that exists is whole."""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xc.store_schema.errors import XcError
from xc.store_schema.exchange import exchange

PARTIAL = ".partial"

_REFUSALS = {
    errno.ENOSPC: "free space",
    errno.EDQUOT: "free space",
    errno.EFBIG: "raise the limit on the size of files",
    errno.EROFS: "choose a place that is not read-only",
    errno.EACCES: "choose a place that you may write to",
    errno.EPERM: "choose a place that you may write to",
    errno.ENOTDIR: "a file is where a folder should be; choose another place",
    errno.EEXIST: "a file is where a folder should be; choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "check the disk",
}


@contextmanager
def refusing(what: str | Path) -> Iterator[None]:
    """Tell in one line that the disk refused to take `what`.

    Raises:
        XcError: in place of an OSError for a full, read-only, forbidden or failing disk.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise XcError(
            f"{what} could not be written ({os.strerror(error.errno)}); what was written before "
            f"is safe; {_REFUSALS[error.errno]} and run the same command again"
        ) from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; on success it takes the final name, on error it goes.

    Works for files and folders. A folder that is already there under the final name is replaced.

    Raises:
        XcError: if the disk refuses; what was there before is untouched.
    """
    aside = path.with_name(f".{path.name}{PARTIAL}")
    with refusing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove(aside)
        try:
            yield aside
            _rename(aside, path)
        except BaseException:
            remove(aside)
            raise


def _rename(aside: Path, path: Path) -> None:
    if path.is_dir():
        exchange(aside, path)
        remove(aside)
    else:
        aside.replace(path)


def remove(path: Path) -> None:
    """Delete a file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def atomic_write(path: Path, content: bytes | str) -> None:
    """Write a whole file or none.

    Raises:
        XcError: if the disk refuses; what was there before is untouched.
    """
    with atomic_path(path) as aside:
        aside.write_bytes(content.encode() if isinstance(content, str) else content)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no NaN: equal values give equal text.

    Raises:
        ValueError: on NaN or an infinity, which JSON has no word for.
    """
    return json.dumps(value, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
