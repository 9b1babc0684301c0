"""From a batch of sequences to rows of activations: padding, picking kept positions, rounding."""

from dataclasses import dataclass

import ml_dtypes
import numpy as np
import torch
from torch import Tensor

from xc.harvest.batching import plan_batches
from xc.store_schema import ActivationStore

PADDING = 0
"""Token id that fills up shorter sequences; what it is does not matter, nothing attends to it."""


@dataclass(frozen=True)
class Batch:
    """Sequences run together, and the rows that they give."""

    token_ids: np.ndarray
    """int64 [sequence, position], padded on the right."""
    flat: np.ndarray
    """int64 [n_rows], where in the flattened batch each row stands."""
    first_sequence: int
    """Number of the first sequence in the store."""
    row_start: int
    """First row in the store."""

    @property
    def row_stop(self) -> int:
        """The row after the last."""
        return self.row_start + len(self.flat)

    def sequence_of(self, row: int) -> tuple[int, int]:
        """Sequence and position of the batch's `row`-th row."""
        sequence, position = divmod(int(self.flat[row]), self.token_ids.shape[1])
        return self.first_sequence + sequence, position


class StoredText:
    """The text of a store, cut into batches; token ids are read batch by batch."""

    def __init__(self, store: ActivationStore, *, budget: int) -> None:
        self._sequences = store.sequences
        self._rows = store.rows
        self._ranges = plan_batches(
            np.diff(self._sequences.token_offsets).tolist(),
            self._sequences.split.tolist(),
            budget=budget,
        )

    def __len__(self) -> int:
        return len(self._ranges)

    def rows_of(self, index: int) -> tuple[int, int]:
        """First row of a batch, and the row after its last."""
        first, last = self._ranges[index]
        offsets = self._sequences.row_offsets
        return int(offsets[first]), int(offsets[last])

    def batch(self, index: int) -> Batch:
        """Read one batch."""
        first, last = self._ranges[index]
        offsets = self._sequences.token_offsets[first : last + 1]
        lengths = np.diff(offsets)
        ids = np.asarray(self._sequences.token_ids[int(offsets[0]) : int(offsets[-1])])
        padded = np.full((len(lengths), int(lengths.max())), PADDING, dtype=np.int64)
        padded[np.arange(padded.shape[1]) < lengths[:, None]] = ids
        start, stop = self.rows_of(index)
        sequence = np.asarray(self._rows.sequence[start:stop]) - first
        flat = sequence * padded.shape[1] + np.asarray(self._rows.position[start:stop])
        return Batch(padded, flat, first, start)


def pick_rows(hidden: Tensor, flat: Tensor) -> Tensor:
    """Kept positions of [sequence, position, d_model] as rows [n, d_model], copied."""
    return hidden.reshape(-1, hidden.shape[-1])[flat]


def first_bad_row(rows: Tensor) -> int | None:
    """Index of the first row that holds a NaN or an infinity."""
    if bool(torch.isfinite(rows).all()):
        return None
    bad = ~torch.isfinite(rows).all(dim=1)
    return int(bad.to(torch.int8).argmax())


def as_bfloat16(rows: Tensor) -> np.ndarray:
    """Rows in NumPy as bfloat16, rounded to nearest even on the rows' own device."""
    bits = rows.to(torch.bfloat16).view(torch.int16).cpu().numpy()
    return bits.view(ml_dtypes.bfloat16)


def as_float32(rows: Tensor) -> np.ndarray:
    """Rows in NumPy as float32."""
    return rows.float().cpu().numpy()


TO_NUMPY = {"bf16": as_bfloat16, "fp32": as_float32}
"""By codec: how rows leave the device."""
