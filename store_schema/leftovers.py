"""What killed writers left in a store, and removing it once nobody can be writing."""

import re
from pathlib import Path

from xc.store_schema import extension
from xc.store_schema.atomic import PARTIAL, refusing, remove
from xc.store_schema.locks import WriterLock, changing_attributes
from xc.store_schema.places import Place

_ASIDE = re.compile(r"\..+\.\w*-\d+-[0-9a-f]{8}\.partial(\.old)?")
"""Names aside of `atomic`: of files and folders."""
_OF_ZARR = re.compile(r"(\d+|zarr)\.[0-9a-f]+\.partial")
"""Names aside of zarr, which wrote the first stores: of chunks and metadata."""


def is_leftover(path: Path) -> bool:
    """Whether a file or folder has a name that only writers give, and only for a while.

    A folder may be that of a source whose module ends in `.partial`.
    """
    if _ASIDE.fullmatch(path.name):
        return True
    hidden = path.name.startswith(".") and path.name.endswith(PARTIAL)
    return (hidden or _OF_ZARR.fullmatch(path.name) is not None) and not path.is_dir()


def tidy(store: Place, lock: WriterLock) -> None:
    """End an extension that a killed writer began; remove what nobody can be writing.

    Args:
        store: the store; of those elsewhere nothing is left.
        lock: of the writer that asks.

    Raises:
        XcError: if the disk refuses.
    """
    if not isinstance(store, Path):
        return
    if extension.underway(store):
        with changing_attributes(store), refusing(store):
            extension.carry_out(store)
    with lock.alone() as alone, refusing(store):
        if alone:
            extension.carry_out(store)
            extension.drop_stale(store)
            for found in [p for p in store.rglob(f"*{PARTIAL}*") if is_leftover(p)]:
                remove(found)
