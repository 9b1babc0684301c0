"""Swap two folders in one step, where the system can; a folder cannot be renamed over another.

Linux has it as renameat2(2) with RENAME_EXCHANGE, which Python does not offer. Elsewhere two
renames do, with an instant between them at which neither folder has the final name.
"""

import ctypes
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def exchange(aside: Path, path: Path) -> None:
    """Let two folders trade names."""
    if not _exchange_at_once(aside, path):
        _exchange_by_renames(aside, path)


def _exchange_at_once(aside: Path, path: Path) -> bool:
    call = _renameat2()
    if call is None:
        return False
    failed = call(_AT_FDCWD, os.fsencode(aside), _AT_FDCWD, os.fsencode(path), _RENAME_EXCHANGE)
    return not failed


def _exchange_by_renames(aside: Path, path: Path) -> None:
    old = path.with_name(f"{aside.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    path.rename(old)
    try:
        aside.rename(path)
    except OSError:
        old.rename(path)
        raise
    old.rename(aside)


@cache
def _renameat2() -> Any:
    try:
        call: Any = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call
