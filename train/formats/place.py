"""Where a reference leads: a folder, a file, or a repository of the Hugging Face Hub."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from xc.store_schema import RequestError, XcError

_DEPTH = 4
"""Folders below the one given that are looked into."""
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_UNREACHABLE = (HfHubHTTPError, LocalEntryNotFoundError, OSError)


@dataclass(frozen=True)
class Place:
    """Files under one name, not fetched yet."""

    reference: str
    """What was asked for."""
    folder: Path | None
    """Where files lie, a cached snapshot's too; None: each is asked of the Hub's client."""
    names: tuple[str, ...]
    """Files, relative to the folder."""
    repository: str | None = None
    """Repository on the Hub; None: a local folder."""
    revision: str | None = None
    """Its commit."""

    def fetch(self, name: str) -> Path:
        """The local path of a file, downloaded where it is not here yet.

        Raises:
            XcError: if the Hub does not give it.
        """
        if self.folder is not None:
            return self.folder / name
        try:
            found = huggingface_hub.hf_hub_download(
                str(self.repository), name, revision=self.revision
            )
        except _UNREACHABLE as error:
            raise XcError(
                f"{self.reference}: {name} could not be fetched ({first_line(error)})"
            ) from error
        return Path(found)


def resolve(reference: str) -> Place:
    """Find the files of a reference; a folder or file that exists wins over a Hub id.

    Raises:
        RequestError: if it is neither, or the Hub does not have it.
    """
    path = Path(reference).expanduser()
    if reference and path.is_dir():
        return Place(reference, path, _files_below(path))
    if path.is_file():
        return Place(reference, path.parent, (path.name, *_files_beside(path)))
    repository, _, revision = reference.partition("@")
    if not _HUB_ID.fullmatch(repository) or reference.startswith((".", "/")):
        raise RequestError(
            f"'{reference}': no such file or folder, and no id of the form OWNER/NAME on the Hub"
        )
    return _on_hub(reference, repository, revision or None)


def _files_below(folder: Path) -> tuple[str, ...]:
    """Files at most some folders down, hidden ones left out."""
    found: list[str] = []
    levels = [folder]
    for _ in range(_DEPTH):
        children = [p for level in levels for p in sorted(level.iterdir())]
        shown = [p for p in children if not p.name.startswith(".")]
        found += [p.relative_to(folder).as_posix() for p in shown if p.is_file()]
        levels = [p for p in shown if p.is_dir()]
    return tuple(found)


def _files_beside(path: Path) -> list[str]:
    return [p.name for p in sorted(path.parent.iterdir()) if p.is_file() and p != path]


def _on_hub(reference: str, repository: str, revision: str | None) -> Place:
    """A repository at its commit of now; without the network, what the cache has of it."""
    try:
        info = huggingface_hub.HfApi().model_info(repository, revision=revision)
    except HFValidationError as error:
        raise RequestError(f"'{reference}': no id on the Hub ({first_line(error)})") from error
    except Exception as error:  # the client library, and so the type, differs between versions
        return _cached(reference, repository, revision, error)
    names = tuple(s.rfilename for s in info.siblings or ())
    return Place(reference, None, names, repository, info.sha)


def _cached(reference: str, repository: str, revision: str | None, why: Exception) -> Place:
    try:
        folder = Path(
            huggingface_hub.snapshot_download(repository, revision=revision, local_files_only=True)
        )
    except _UNREACHABLE:
        raise RequestError(
            f"'{reference}': no such file or folder, and not to be had from the Hugging Face Hub "
            f"({first_line(why)}); give a folder or file, or an id of the Hub that can be reached"
        ) from why
    return Place(reference, folder, _files_below(folder), repository, folder.name)


def first_line(error: BaseException) -> str:
    """The first telling line of a Hub error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not re.match(r"\d{3} (Client|Server) Error", line)]
    return (telling or lines or [type(error).__name__])[0][:200]


def beside(names: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """Those of the wanted files that there are."""
    have = set(names)
    return tuple(dict.fromkeys(str(PurePosixPath(w)) for w in wanted if w in have))
