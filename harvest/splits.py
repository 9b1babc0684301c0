"""Which documents are held out: a stable hash of seed and document, not of the text's order."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xc.harvest.windows import Window
from xc.store_schema.plan import HELDOUT, TRAIN


def as_documents(windows: Sequence[Window]) -> list[Window]:
    """The windows, told apart for a held-out split.

    Where all come from one document, each window counts as a document of its own: otherwise
    nothing could be held out.
    """
    if len({w.document for w in windows}) > 1:
        return list(windows)
    return [replace(window, document=i) for i, window in enumerate(windows)]


def assign_splits(documents: np.ndarray, *, fraction: float, seed: int) -> np.ndarray:
    """Split of every window (uint8 [n]): 0 train, 1 held out; whole documents.

    From two documents on each split has at least one, unless `fraction` is 0.

    Args:
        documents: document number of every window, int64 [n].
        fraction: expected share of documents held out.
        seed: other seeds hold other documents out.
    """
    distinct, of_window = np.unique(documents, return_inverse=True)
    draws = np.asarray([draw(int(number), seed=seed) for number in distinct])
    heldout = draws < fraction
    if fraction > 0 and len(distinct) > 1:
        heldout[np.argmin(draws)] = True
        heldout[np.argmax(draws)] = False
    return np.where(heldout, HELDOUT, TRAIN).astype(np.uint8)[of_window]


def draw(document: int, *, seed: int) -> float:
    """A number in [0, 1) that depends on seed and document alone."""
    digest = hashlib.sha256(f"{seed}:{document}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
