"""The embedded corpora: text that is read on the user's own machine and not shipped.

`stdlib` is the source text of the Python standard library. A module is held out by a hash of its
dotted name, so that the same modules are held out on every machine and under every Python version.
"""

import hashlib
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xc.store_schema.errors import RequestError
from xc.zoo.names import look_up

HELDOUT_SHARE = 0.07
"""Expected share of the modules that is held out."""

_SKIPPED_FOLDERS = frozenset(
    {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__", "encodings"}
)
"""Tests, other people's packages, and `encodings`, which is generated tables and not text."""

_MACHINE_WRITTEN = ("config-", "_sysconfigdata", "sitecustomize", "usercustomize")
"""Starts of names whose content belongs to one machine: build settings and paths."""


@dataclass(frozen=True)
class Document:
    """One file of a corpus."""

    name: str
    """Path relative to the corpus, with `/` on every system."""
    text: str
    """The whole file; line ends are `\\n`."""


@dataclass(frozen=True)
class Corpus:
    """One embedded corpus."""

    name: str
    """What follows `zoo:` in a dataset reference."""
    description: str
    """One sentence for the user."""
    read: Callable[[], Iterator[Document]]
    """Yields the documents in a fixed order."""


def stdlib_folder() -> Path:
    """Where the running Python keeps its standard library; of the base Python in a venv."""
    return Path(sysconfig.get_paths()["stdlib"])


def is_heldout(name: str) -> bool:
    """Whether the module at this relative path is held out; `a.py` and `a/__init__.py` agree."""
    module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    digest = hashlib.sha256(module.encode()).digest()
    return int.from_bytes(digest[:8], "big") < HELDOUT_SHARE * 2**64


def read_folder(folder: Path) -> Iterator[Document]:
    """The Python files below a folder which are text and belong to no test, sorted by path.

    Raises:
        RequestError: if there is no such file.
    """
    found = False
    for name in sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.py")):
        if _is_skipped(name):
            continue
        text = _read_text(folder / name)
        if text is not None and text.strip():
            found = True
            yield Document(name, text)
    if not found:
        raise RequestError(
            f"corpus zoo:stdlib: no Python source in {folder}, expected the standard library of "
            "this Python as .py files; use a Python that ships its sources, or another --dataset"
        )


def _is_skipped(name: str) -> bool:
    parts = name.split("/")
    return not _SKIPPED_FOLDERS.isdisjoint(parts[:-1]) or any(
        part.startswith(_MACHINE_WRITTEN) for part in parts
    )


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError):
        return None


def _read_stdlib(*, heldout: bool | None) -> Iterator[Document]:
    for document in read_folder(stdlib_folder()):
        if heldout is None or is_heldout(document.name) == heldout:
            yield document


CORPORA: tuple[Corpus, ...] = (
    Corpus(
        "stdlib",
        "The Python standard library of this machine without its tests, about 11 MB.",
        partial(_read_stdlib, heldout=None),
    ),
    Corpus(
        "stdlib-train",
        "The modules of zoo:stdlib that the embedded models were trained on.",
        partial(_read_stdlib, heldout=False),
    ),
    Corpus(
        "stdlib-heldout",
        "The modules of zoo:stdlib that no embedded model was trained on.",
        partial(_read_stdlib, heldout=True),
    ),
)


def corpus(name: str) -> Corpus:
    """The corpus of this name.

    Raises:
        RequestError: if there is none; the message lists those there are.
    """
    return look_up(name, {c.name: c for c in CORPORA}, kind="corpus")


def documents(name: str) -> Iterator[str]:
    """The texts of a corpus, one per file, in a fixed order."""
    return (document.text for document in corpus(name).read())


def fingerprint(name: str) -> str:
    """SHA-256 over the names and texts of a corpus, as hexadecimal digits."""
    digest = hashlib.sha256()
    for document in corpus(name).read():
        for part in (document.name.encode(), document.text.encode()):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()
