"""The sketch as a table with text: what examples.parquet holds."""

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
    groups = [sketch.take(np.flatnonzero(sketch.latent == latent)) for latent in latents]
    records = [_record(group, i, store) for group in groups for i in range(len(group.row))]
    return pa.Table.from_pylist(records, schema=SCHEMA)


def _record(group: Sketch, rank: int, store: ActivationStore) -> dict[str, object]:
    row, sequence = int(group.row[rank]), int(group.sequence[rank])
    position = int(store.rows.position[row : row + 1][0])
    ids = store.sequences.tokens(sequence)
    start, stop = max(position - BEFORE, 0), min(position + AFTER + 1, len(ids))
    around = group.context[rank][start - position + BEFORE : stop - position + BEFORE]
    return {
        "latent": int(group.latent[rank]),
        "rank": rank,
        "row": row,
        "sequence": sequence,
        "position": position,
        "activation": float(group.activation[rank]),
        "tokens": [store.vocabulary.piece(int(i)) for i in ids[start:stop]],
        "activations": around.tolist(),
        "center": position - start,
    }
