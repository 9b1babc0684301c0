"""From a batch of sequences to rows of activations: padding, picking kept positions, rounding."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import ml_dtypes
import numpy as np
import torch
from torch import Tensor

from xc.harvest.batching import plan_batches
from xc.store_schema import ActivationStore
from xc.store_schema.codecs import codec as codec_named

PADDING = 0
"""Token id that fills up shorter sequences; what it is does not matter: nothing attends to it."""

READ_AHEAD = 256
"""Batches whose token ids are read together."""


@dataclass(frozen=True)
class Batch:
    """Sequences run together, and the rows that they give."""

    token_ids: np.ndarray
    """int64 [sequence, position], padded on the right."""
    lengths: np.ndarray
    """int64 [sequence], tokens of each without padding."""
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

    def halves(self) -> tuple["Batch", "Batch"]:
        """The same sequences in two batches; of two at least."""
        middle = len(self.lengths) // 2
        return self._part(0, middle), self._part(middle, len(self.lengths))

    def _part(self, first: int, last: int) -> "Batch":
        """Sequences `first` … `last` - 1 of this batch, without padding that they do not need."""
        width = self.token_ids.shape[1]
        low, high = np.searchsorted(self.flat, (first * width, last * width))
        line, position = np.divmod(self.flat[low:high], width)
        lengths = self.lengths[first:last]
        narrow = int(lengths.max())
        return Batch(
            self.token_ids[first:last, :narrow],
            lengths,
            (line - first) * narrow + position,
            self.first_sequence + first,
            self.row_start + int(low),
        )


class StoredText:
    """The text of a store, cut into batches; token ids are read some hundred batches at a time.

    Args:
        store: whose text.
        budget: tokens of a batch, padding included.
        adapt: what a model wants otherwise in each batch, as `own_bos` does it.
    """

    def __init__(
        self,
        store: ActivationStore,
        *,
        budget: int,
        adapt: Callable[[Batch], Batch] | None = None,
    ) -> None:
        self._adapt = adapt
        self._sequences = store.sequences
        self._rows = store.rows
        self._ranges = plan_batches(
            np.diff(self._sequences.token_offsets).tolist(),
            self._sequences.split.tolist(),
            budget=budget,
        )
        self._excerpt: Excerpt | None = None

    def __len__(self) -> int:
        return len(self._ranges)

    def rows_of(self, index: int) -> tuple[int, int]:
        """First row of a batch, and the row after its last."""
        first, last = self._ranges[index]
        offsets = self._sequences.row_offsets
        return int(offsets[first]), int(offsets[last])

    def sequences_of(self, index: int) -> tuple[int, int]:
        """First sequence of a batch, and the one after its last."""
        return self._ranges[index]

    def batch(self, index: int) -> Batch:
        """One batch."""
        first, last = self._ranges[index]
        if self._excerpt is None or not self._excerpt.holds(first, last):
            self._excerpt = self._read(first, self._ranges[index : index + READ_AHEAD][-1][1])
        batch = self._excerpt.batch(first, last)
        return batch if self._adapt is None else self._adapt(batch)

    def _read(self, first: int, last: int) -> "Excerpt":
        tokens, rows = (
            slice(int(offsets[first]), int(offsets[last]))
            for offsets in (self._sequences.token_offsets, self._sequences.row_offsets)
        )
        return Excerpt(
            first,
            self._sequences.token_offsets[first : last + 1],
            self._sequences.row_offsets[first : last + 1],
            np.asarray(self._sequences.token_ids[tokens]),
            np.asarray(self._rows.position[rows]),
        )


@dataclass(frozen=True)
class Excerpt:
    """Consecutive sequences of a store, in memory."""

    first: int
    """Number of the first sequence."""
    token_offsets: np.ndarray
    """int64 [n + 1], in the store."""
    row_offsets: np.ndarray
    """int64 [n + 1], in the store."""
    token_ids: np.ndarray
    """int32 [tokens]."""
    position: np.ndarray
    """int32 [rows], position of each row in its sequence."""

    def holds(self, first: int, last: int) -> bool:
        """Whether these sequences are all here."""
        return self.first <= first and last < self.first + len(self.row_offsets)

    def batch(self, first: int, last: int) -> Batch:
        """Sequences `first` … `last` - 1, padded to the longest."""
        here = slice(first - self.first, last - self.first + 1)
        tokens, rows = self.token_offsets[here], self.row_offsets[here]
        lengths = np.diff(tokens)
        padded = np.full((len(lengths), int(lengths.max())), PADDING, dtype=np.int64)
        ids = self.token_ids[tokens[0] - self.token_offsets[0] : tokens[-1] - self.token_offsets[0]]
        padded[np.arange(padded.shape[1]) < lengths[:, None]] = ids
        line = np.repeat(np.arange(len(lengths)), np.diff(rows))
        position = self.position[rows[0] - self.row_offsets[0] : rows[-1] - self.row_offsets[0]]
        return Batch(padded, lengths, line * padded.shape[1] + position, first, int(rows[0]))


def pick_rows(hidden: Tensor, flat: Tensor) -> Tensor:
    """Kept positions of [sequence, position, d_model] as rows [n, d_model], copied; sequence and
    position may lie in one axis."""
    return hidden.reshape(-1, hidden.shape[-1])[flat]


def first_bad_row(rows: Tensor) -> int | None:
    """Index of the first row that holds a NaN or an infinity."""
    if math.isfinite(float(rows.sum(dtype=torch.float32))):
        return None  # the cheap test; a sum that overflows is looked at once more
    bad = torch.nonzero(~torch.isfinite(rows).all(dim=1))
    return int(bad[0]) if len(bad) else None


def as_bfloat16(rows: Tensor) -> np.ndarray:
    """Rows in NumPy as bfloat16, rounded to nearest even on the rows' own device."""
    bits = rows.to(torch.bfloat16).view(torch.int16).cpu().numpy()
    return bits.view(ml_dtypes.bfloat16)


def as_float32(rows: Tensor) -> np.ndarray:
    """Rows in NumPy as float32."""
    return rows.float().cpu().numpy()


def rows_to_numpy(codec: str) -> Callable[[Tensor], np.ndarray]:
    """How rows leave the device for a codec.

    In half of the bytes where no value can leave the range; float16 is left to the codec, which
    tells what overflows.
    """
    return as_bfloat16 if codec_named(codec).dtype == ml_dtypes.bfloat16 else as_float32
