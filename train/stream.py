"""Shuffled rows of a store, as stored, one window in memory and the next one being read."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import MappingProxyType, TracebackType
from typing import Self

import numpy as np
import torch
from torch import Tensor

from xc.store_schema import ActivationStore, RequestError, RowFilter
from xc.store_schema.derived import RowArray
from xc.store_schema.row_filter import DEFAULT
from xc.train.kept import KeptRows, kept_rows
from xc.train.mixing import best_mixed, strips_enough
from xc.train.shuffle import Shuffle, StreamPosition, shuffle_of
from xc.train.tensors import as_tensor
from xc.train.window_size import row_bytes

_READ_ROWS = 8192
"""Most rows read in one go: stretches end at multiples of it."""
_GAP_ROWS = 1024
"""Rows between two wanted ones that are read along: a chunk of the usual size is read whole."""


_READERS = min(4, max(1, (os.cpu_count() or 1) // 2))
"""Threads that read a window: disks serve several better than one. Training needs cores too."""

_NOTHING = np.empty((0, 0))
_NO_MEMORY: Mapping[str, np.ndarray] = MappingProxyType({})

_Run = tuple[int, int, np.ndarray | None]


@dataclass(frozen=True)
class Batch:
    """Rows of a store."""

    rows: np.ndarray
    """int64 [row]: their numbers in the store."""
    parts: tuple[Tensor, ...]
    """Activations [row, d_model] per source, in the stored type."""


@dataclass(frozen=True)
class Window:
    """Rows in memory, in the order of the store."""

    rows: np.ndarray
    """int64 [row]."""
    data: dict[str, Tensor]
    """Activations [row, d_model] per distinct source, in the stored type."""
    memory: dict[str, np.ndarray]
    """The arrays behind them, at least as long; another window may be read into these."""


def read_rows(
    store: ActivationStore,
    keys: Sequence[str],
    rows: np.ndarray,
    *,
    each: Callable[..., Iterable[None]] = map,
    memory: Mapping[str, np.ndarray] = _NO_MEMORY,
) -> Window:
    """Read ascending rows of several sources; the same source named twice is read once.

    Args:
        store: to read from.
        keys: sources.
        rows: their numbers, int64.
        each: `map`, or that of an executor, whose threads then read side by side.
        memory: of a window that is not needed any more: fresh memory costs as much as reading.
    """
    runs = _runs(rows)
    data, used = {}, {}
    for key in dict.fromkeys(keys):
        raw = store.activations(key).raw
        used[key] = memory.get(key, _NOTHING)
        if len(used[key]) < len(rows):
            used[key] = np.empty((len(rows), raw.shape[1]), dtype=raw.dtype)
        out = used[key][: len(rows)]
        for _ in each(partial(_read_run, raw, rows, out), runs):
            pass  # an error of a thread comes up here
        data[key] = as_tensor(out)
    return Window(rows, data, used)


def _read_run(raw: RowArray, rows: np.ndarray, out: np.ndarray, run: _Run) -> None:
    first, last, wanted = run
    start, stop = int(rows[first]), int(rows[last - 1]) + 1
    if wanted is None:
        raw.read_into(start, stop, out[first:last])
    else:
        _read_some(raw, rows[first:last], out[first:last])


def _read_some(raw: RowArray, rows: np.ndarray, out: np.ndarray) -> None:
    """Rows among others: a chunk at a time, through memory that stays near the processor."""
    scratch = np.empty((_GAP_ROWS, out.shape[1]), dtype=out.dtype)
    borders = [0, *(np.flatnonzero(np.diff(rows // _GAP_ROWS)) + 1).tolist(), len(rows)]
    for first, last in pairwise(borders):
        start, stop = int(rows[first]), int(rows[last - 1]) + 1
        read = scratch[: stop - start]
        raw.read_into(start, stop, read)
        # "clip" writes to `out` at once, "raise" to a copy first; the rows are known to be there.
        np.take(_bits(read), rows[first:last] - start, 0, _bits(out[first:last]), mode="clip")


def _bits(values: np.ndarray) -> np.ndarray:
    """The same memory as numbers that NumPy copies fastest."""
    return values.view(f"u{values.itemsize}")


def _runs(rows: np.ndarray) -> list[_Run]:
    """Stretches of `rows` to read at once: (first, last + 1, which rows of the stretch)."""
    far = (np.diff(rows) > _GAP_ROWS) | (np.diff(rows // _READ_ROWS) > 0)
    borders = [0, *(np.flatnonzero(far) + 1).tolist(), len(rows)]
    runs = []
    for first, last in pairwise(borders if len(rows) else []):
        offsets = rows[first:last] - rows[first]
        whole = int(offsets[-1]) == last - first - 1
        runs.append((first, last, None if whole else offsets))
    return runs


class ShuffledStream:
    """Batches of the train split. Holds no position: `batch(position, n)` is a function."""

    def __init__(
        self,
        store: ActivationStore,
        keys: Sequence[str],
        *,
        seed: int,
        window_bytes: int,
        row_filter: RowFilter = DEFAULT,
        batch: int | None = None,
        most_reads: int = 1,
        rows: int | None = None,
        pinned: bool = False,
    ) -> None:
        """Prepare the order of rows; nothing but the row table is read yet.

        Args:
            store: a complete store.
            keys: sources, A first; the same one may come twice.
            seed: of the order.
            window_bytes: memory for one window; two are held while reading ahead.
            row_filter: which rows take part; those of the mask that are no sinks.
            batch: rows of a batch, if neighbours are to be spread over batches.
            most_reads: how often rows may be read for once that they are given out, so that more
                texts are in a window; no more often than it takes.
            rows: how many will be asked for, from the first on: none are read ahead beyond.
            pinned: put batches where a CUDA device fetches them by itself.

        Raises:
            RequestError: if no row of the train split takes part.
        """
        self.store = store
        self.keys = tuple(keys)
        ranges = store.splits["train"]
        kept = kept_rows(store, self.keys, ranges, row_filter)
        self._kept = KeptRows(ranges, kept)

        def of_strips(strips: int) -> Shuffle:
            return shuffle_of(
                ranges,
                kept,
                piece=store.chunk_rows,
                window=window_bytes // row_bytes(store, self.keys),
                seed=seed,
                strips=strips,
                batch=batch,
            )

        self._of_strips, self._batch_size = of_strips, batch
        self.shuffle = of_strips(1)
        if self.shuffle.n_rows == 0:
            raise RequestError(
                f"{store.path} has no train rows to train on ({row_filter.words}); "
                "harvest more text, or keep other rows"
            )
        self.mixing: float | None = None
        if batch is not None:
            offsets = store.sequences.row_offsets
            self.shuffle, self.mixing = best_mixed(
                of_strips, self._kept, offsets, batch=batch, most_strips=most_reads
            )
        self._end = None if rows is None else self.shuffle.advance(StreamPosition(), rows)
        self._window: tuple[tuple[int, int], Window] | None = None
        self._ahead: tuple[tuple[int, int], Future[Window]] | None = None
        self._order: tuple[tuple[int, int], np.ndarray] | None = None
        self._order_ahead: tuple[tuple[int, int], Future[np.ndarray]] | None = None
        self._spare: Mapping[str, np.ndarray] = _NO_MEMORY
        self._pinned = pinned
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="xc-stream")
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="xc-stream-read")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading ahead."""
        self._reader.shutdown(wait=True, cancel_futures=True)
        self._threads.shutdown(wait=True)

    @property
    def n_rows(self) -> int:
        """Rows of an epoch."""
        return self.shuffle.n_rows

    def reads_to_mix(self) -> int | None:
        """How often rows would have to be read for batches to be mixed, where they are not.

        None if far more often. Takes seconds where there are tens of millions of rows.
        """
        if self._batch_size is None:
            return None
        offsets, reads = self.store.sequences.row_offsets, self.shuffle.n_strips
        return strips_enough(
            self._of_strips, self._kept, offsets, batch=self._batch_size, beyond=reads
        )

    def batch(self, position: StreamPosition, n: int) -> tuple[Batch, StreamPosition]:
        """The `n` rows that come at `position`, and the position behind them."""
        rows = np.empty(n, dtype=np.int64)
        data: dict[str, Tensor] = {}
        filled = 0
        for segment in self.shuffle.segments(position, n):
            window = self._loaded(segment.epoch, segment.window)
            order = self._row_order(segment.epoch, segment.window)[segment.start : segment.stop]
            place = slice(filled, filled + len(order))
            rows[place] = window.rows[order]
            for key, stored in window.data.items():
                if key not in data:
                    data[key] = self._batch_memory(n, stored)
                torch.index_select(stored, 0, torch.from_numpy(order), out=data[key][place])
            filled += len(order)
        parts = tuple(data[k] for k in self.keys)
        return Batch(rows, parts), self.shuffle.advance(position, n)

    def _batch_memory(self, n: int, like: Tensor) -> Tensor:
        return torch.empty(n, like.shape[1], dtype=like.dtype, pin_memory=self._pinned)

    def _following(self, epoch: int, window: int) -> tuple[int, int] | None:
        """The next window; None if nothing will be asked for from there on."""
        after = self.shuffle.next_window(StreamPosition(epoch, window))
        if self._end is not None and self._end <= after:
            return None
        return after.epoch, after.window

    def _row_order(self, epoch: int, window: int) -> np.ndarray:
        """Permuted while the window before was given out, by the thread that reads."""
        name = epoch, window
        if self._order is None or self._order[0] != name:
            ahead, self._order_ahead = self._order_ahead, None
            if ahead is not None and ahead[0] == name:
                self._order = name, ahead[1].result()
            else:
                self._order = name, self.shuffle.row_order(*name)
            if following := self._following(*name):
                permuted = self._reader.submit(self.shuffle.row_order, *following)
                self._order_ahead = following, permuted
        return self._order[1]

    def _loaded(self, epoch: int, window: int) -> Window:
        name = self._name(epoch, window)
        if self._window is None or self._window[0] != name:
            if self._window is not None:
                self._spare = self._window[1].memory
            self._window = None
            self._window = name, self._fetch(name)
            self._read_ahead(epoch, window)
        return self._window[1]

    def _name(self, epoch: int, window: int) -> tuple[int, int]:
        # A store that fits one window is read once; only the order of its rows changes.
        return (0, 0) if self.shuffle.n_windows == 1 else (epoch, window)

    def _fetch(self, name: tuple[int, int]) -> Window:
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] == name:
            return ahead[1].result()
        # In the reader's thread too: two windows must not be read into the same memory.
        return self._reader.submit(self._read, name).result()

    def _read_ahead(self, epoch: int, window: int) -> None:
        following = self._following(epoch, window)
        if following and self.shuffle.n_windows > 1:
            name = self._name(*following)
            self._ahead = name, self._reader.submit(self._read, name)

    def _read(self, name: tuple[int, int]) -> Window:
        rows = self._kept.of_window(self.shuffle, *name)
        memory, self._spare = self._spare, _NO_MEMORY
        return read_rows(self.store, self.keys, rows, each=self._threads.map, memory=memory)
