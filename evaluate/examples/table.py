"""The sketch as a table with text: what examples.parquet holds."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from xc.evaluate.examples.collect import AFTER, BEFORE
from xc.evaluate.examples.sketch import Sketch
from xc.store_schema import ActivationStore

SCHEMA = pa.schema(
    [
        pa.field("latent", pa.int32(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("activation", pa.float32(), nullable=False),
        pa.field("tokens", pa.list_(pa.string()), nullable=False),
        pa.field("activations", pa.list_(pa.float32()), nullable=False),
        pa.field("center", pa.int32(), nullable=False),
    ]
)
"""Columns of examples.parquet."""


def examples_table(sketch: Sketch, latents: np.ndarray, store: ActivationStore) -> pa.Table:
    """Examples in the order of `latents`, strongest first.

    `tokens` holds up to 12 pieces before the row's token and 6 behind it, within its sequence;
    `activations` the latent's f on each, 0 where it does not fire; `center` the row's own place.
    """
    entries = [np.flatnonzero(sketch.latent == latent) for latent in latents]
    found = sketch.take(np.concatenate([np.zeros(0, dtype=np.int64), *entries]))
    ranks = [rank for group in entries for rank in range(len(group))]
    windows = read_windows(found, store)
    records = [_record(found, i, rank, windows, store) for i, rank in enumerate(ranks)]
    return pa.Table.from_pylist(records, schema=SCHEMA)


@dataclass(frozen=True)
class Windows:
    """Where each example stands in its sequence, and the ids of the tokens around it."""

    position: np.ndarray
    start: np.ndarray
    ids: list[np.ndarray]


def read_windows(found: Sketch, store: ActivationStore) -> Windows:
    """The text around each entry, in two reads for all: one for each would take milliseconds."""
    position = store.rows.position[found.row].astype(np.int64)
    offsets = store.sequences.token_offsets
    begins, length = offsets[found.sequence], np.diff(offsets)[found.sequence]
    start = np.maximum(position - BEFORE, 0)
    stop = np.minimum(position + AFTER + 1, length)
    sizes = stop - start
    ends = np.cumsum(sizes)
    wanted = np.arange(sizes.sum()) + np.repeat(begins + start - (ends - sizes), sizes)
    once, inverse = np.unique(wanted, return_inverse=True)
    ids = store.sequences.token_ids[once][inverse]
    return Windows(position, start, np.split(ids, ends[:-1]))


def _record(
    found: Sketch, i: int, rank: int, windows: Windows, store: ActivationStore
) -> dict[str, object]:
    position, start = int(windows.position[i]), int(windows.start[i])
    first = BEFORE - (position - start)
    return {
        "latent": int(found.latent[i]),
        "rank": rank,
        "row": int(found.row[i]),
        "sequence": int(found.sequence[i]),
        "position": position,
        "activation": float(found.activation[i]),
        "tokens": [store.vocabulary.piece(int(token)) for token in windows.ids[i]],
        "activations": found.context[i][first : first + len(windows.ids[i])].tolist(),
        "center": position - start,
    }
