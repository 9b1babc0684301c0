"""Write aside, then rename: a file that exists is whole."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PARTIAL = ".partial"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; on success it takes the final name, on error it goes.

    Works for files and folders. A folder that is already there under the final name is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}{PARTIAL}")
    remove(aside)
    try:
        yield aside
        _rename(aside, path)
    except BaseException:
        remove(aside)
        raise


def _rename(aside: Path, path: Path) -> None:
    if path.is_dir():
        old = path.with_name(f".{path.name}.old{PARTIAL}")
        remove(old)
        path.rename(old)
        aside.rename(path)
        remove(old)
    else:
        aside.replace(path)


def remove(path: Path) -> None:
    """Delete a file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def atomic_write(path: Path, content: bytes | str) -> None:
    """Write a whole file or none."""
    with atomic_path(path) as aside:
        aside.write_bytes(content.encode() if isinstance(content, str) else content)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no NaN: equal values give equal text.

    Raises:
        ValueError: on NaN or an infinity, which JSON has no word for.
    """
    return json.dumps(value, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
