"""Data sets of the Hugging Face Hub, streamed: one configuration and split, at one commit.

The commit is looked up when the data set is opened, the text when it is read. A reference that
names the commit in full needs no look-up, so that a store with its text goes on without a network.
"""

import importlib
import importlib.util
import re
from collections.abc import Iterator
from typing import Any

import huggingface_hub

from xc.harvest.corpus import Corpus
from xc.harvest.dataset_reference import DatasetReference
from xc.harvest.document import Content
from xc.harvest.hub import hub_message, reachable
from xc.harvest.readers import Record, contents
from xc.store_schema import RequestError, XcError

DEFAULT_SPLIT = "train"
_COMMIT = re.compile(r"[0-9a-f]{40}")


def open_dataset(reference: DatasetReference, text_column: str | None) -> Corpus:
    """A Hub data set, pinned.

    Args:
        reference: which one.
        text_column: the column with the text where the reference names none.

    Raises:
        RequestError: if `datasets` is not installed, or the Hub does not give the data set.
    """
    if importlib.util.find_spec("datasets") is None:
        raise RequestError(
            f"data set '{reference.name}': no such file or folder; data sets of the Hub need the "
            "extra 'hub': pip install \"xcdiff[hub]\""
        )
    details = {
        "revision": _commit(reference),
        "config": reference.config,
        "split": reference.split or DEFAULT_SPLIT,
        "column": reference.column,
    }
    known = {name: value for name, value in details.items() if value is not None}
    column = reference.column or text_column

    def documents() -> Iterator[Content]:
        yield from contents(_records(reference.name, known), column)

    return Corpus(reference.name, _fingerprint(reference.name, known), documents, known)


def _fingerprint(name: str, details: dict[str, str]) -> str:
    options = "&".join(f"{k}={details[k]}" for k in ("config", "split", "column") if k in details)
    return f"{name}@{details['revision']}?{options}"


def _commit(reference: DatasetReference) -> str:
    revision = reference.revision
    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    if not reachable():
        raise RequestError(
            f"data set '{reference.name}': no such file or folder, and the Hugging Face Hub cannot "
            "be reached; give a file or folder, or try again with a connection"
        )
    try:
        return str(huggingface_hub.HfApi().dataset_info(reference.name, revision=revision).sha)
    except Exception as error:
        raise RequestError(f"data set '{reference.name}': {hub_message(error)}") from error


def _records(name: str, details: dict[str, str]) -> Iterator[Record]:
    """Records with their place, as the Hub hands them out.

    Raises:
        RequestError: if there is no such configuration or split.
        XcError: if reading breaks off.
    """
    number = 0
    try:
        for number, record in enumerate(_stream(name, details), start=1):
            yield f"data set {name}, record {number}", record
    except XcError:
        raise
    except Exception as error:  # whatever the data set's file format or the network raises
        raise XcError(
            f"data set '{name}': reading breaks off behind record {number} "
            f"({' '.join(str(error).split()) or type(error).__name__}); nothing was written of it; "
            "run the same again, and if the data set itself is damaged, name another revision"
        ) from error


def _stream(name: str, details: dict[str, str]) -> Any:
    datasets = importlib.import_module("datasets")
    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(
            name,
            details.get("config"),
            split=details["split"],
            revision=details["revision"],
            streaming=True,
        )
    except ValueError as error:
        raise RequestError(f"data set '{name}': {_choices(error, name, details)}") from error
    except Exception as error:
        raise RequestError(f"data set '{name}': {hub_message(error)}") from error


def _choices(error: ValueError, name: str, details: dict[str, str]) -> str:
    """What `datasets` says of a missing configuration or split, which lists those there are."""
    said = " ".join(str(error).partition("Example of usage")[0].split())
    found = re.search(r"\['([^']*)'", said)
    key = "split" if "split" in said.lower() else "config"
    example = f"; for instance --dataset '{name}?{key}={found[1]}'" if found else ""
    return f"config {details.get('config', '(none)')}, split {details['split']}: {said}{example}"
