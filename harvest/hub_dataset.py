"""Data sets of the Hugging Face Hub, streamed: the train split, its commit pinned."""

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import huggingface_hub

from xc.harvest.hub import hub_message, reachable
from xc.harvest.readers import column_texts
from xc.store_schema import RequestError

SPLIT = "train"


def open_dataset(
    reference: str, text_column: str | None
) -> tuple[str, Callable[[], Iterator[str]]]:
    """Fingerprint and documents of a Hub data set.

    Raises:
        RequestError: if `datasets` is not installed, or the Hub does not give the data set.
    """
    if importlib.util.find_spec("datasets") is None:
        raise RequestError(
            f"data set '{reference}': no such file or folder; data sets of the Hub need the extra "
            "'hub': pip install \"xcdiff[hub]\""
        )
    if not reachable():
        raise RequestError(
            f"data set '{reference}': no such file or folder, and the Hugging Face Hub cannot be "
            "reached"
        )
    commit = _commit(reference)

    def documents() -> Iterator[str]:
        records = _stream(reference, commit)
        yield from column_texts(records, text_column, where=f"data set {reference}")

    return f"{reference}@{commit}:{SPLIT}", documents


def _commit(reference: str) -> str:
    try:
        return str(huggingface_hub.HfApi().dataset_info(reference).sha)
    except Exception as error:
        raise RequestError(f"data set '{reference}': {hub_message(error)}") from error


def _stream(reference: str, commit: str) -> Any:
    datasets = importlib.import_module("datasets")
    try:
        return datasets.load_dataset(reference, split=SPLIT, revision=commit, streaming=True)
    except Exception as error:
        raise RequestError(f"data set '{reference}': {hub_message(error)}") from error
