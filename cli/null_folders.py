"""Folders of null controls: each knows what it was made from, and is cleared when that changes."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xc.store_schema import RequestError, atomic_write, canonical_json
from xc.store_schema.atomic import remove

MADE_FROM = "made_from.json"


def claim(folder: Path, recipe: Mapping[str, Any]) -> None:
    """Make a control's folder, or go on with it if it was made from the same.

    What was made from something else (another store, another training) is removed.

    Raises:
        RequestError: if something else lies there.
    """
    refuse_foreign(folder)
    note = folder / MADE_FROM
    text = json.dumps(dict(recipe), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    if note.is_file() and note.read_text(encoding="utf-8") == text:
        return
    if folder.exists():
        # The note goes last: until then the folder is known to be one that may be removed.
        for path in (p for p in folder.iterdir() if p != note):
            remove(path)
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write(note, text)


def refuse_foreign(folder: Path) -> None:
    """A control goes where nothing is, or where one was.

    Raises:
        RequestError: if something else lies there.
    """
    if folder.exists() and not (folder / MADE_FROM).is_file() and any(folder.iterdir()):
        raise RequestError(f"{folder} was not made by `xc null`; move it away")


def identity(*parts: Any) -> str:
    """sha256 (hex) of plain values."""
    return hashlib.sha256(canonical_json(list(parts)).encode()).hexdigest()
