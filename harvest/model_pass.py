"""One model's pass over the stored text: the shards that its sources lack, computed and written."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xc.harvest.background import Background
from xc.harvest.forward import read_residuals
from xc.harvest.rows import TO_NUMPY, Batch, StoredText, first_bad_row, pick_rows
from xc.harvest.shard_buffers import ShardBuffer
from xc.store_schema import NumericalError, Progress, StoreWriter, XcError


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run, and the layers that are wanted of it."""

    name: str
    """As in source keys."""
    module: nn.Module
    blocks: nn.ModuleList
    device: torch.device
    keys: Mapping[int, str]
    """Layer to source key."""


def run_pass(
    model: LoadedModel, text: StoredText, writer: StoreWriter, *, codec: str, progress: Progress
) -> int:
    """Write the missing shards of a model's sources; the number written.

    Batches that touch no missing shard are not run. Interrupted at any moment, whole shards stay.

    Raises:
        NumericalError: on a NaN or infinity, naming the source and the sequence.
        XcError: if memory or disk run out.
    """
    missing = {layer: writer.missing(key) for layer, key in model.keys.items()}
    buffers = {
        layer: ShardBuffer(shards, shard_rows=writer.shard_rows, n_rows=writer.n_rows)
        for layer, shards in missing.items()
    }
    todo = [i for i in range(len(text)) if _wanted(buffers, text.rows_of(i))]
    _start(model, text, todo, progress)
    with Background() as background:
        for index in todo:
            batch = text.batch(index)
            for layer, rows in _run_batch(model, batch, buffers, codec).items():
                for shard, values in buffers[layer].put(batch.row_start, rows):
                    job = partial(writer.write_shard, model.keys[layer], shard, values)
                    background.submit(job)
            progress.advance(len(batch.flat))
    progress.finish()
    return sum(map(len, missing.values()))


def _start(model: LoadedModel, text: StoredText, todo: list[int], progress: Progress) -> None:
    ranges = [text.rows_of(i) for i in range(len(text))]
    total = sum(stop - start for start, stop in ranges)
    left = sum(ranges[i][1] - ranges[i][0] for i in todo)
    layers = ", ".join(map(str, sorted(model.keys)))
    progress.start(f"{model.name}, layer {layers}", total, "rows", done=total - left)


def _wanted(buffers: Mapping[int, ShardBuffer], rows: tuple[int, int]) -> list[int]:
    return [layer for layer, buffer in buffers.items() if buffer.wants(*rows)]


def _run_batch(
    model: LoadedModel, batch: Batch, buffers: Mapping[int, ShardBuffer], codec: str
) -> dict[int, np.ndarray[Any, Any]]:
    """Rows of every layer that lacks some of this batch."""
    layers = _wanted(buffers, (batch.row_start, batch.row_stop))
    flat = torch.from_numpy(batch.flat).to(model.device)
    found: dict[int, np.ndarray[Any, Any]] = {}

    def receive(layer: int, hidden: Tensor) -> None:
        rows = pick_rows(hidden, flat)
        if (bad := first_bad_row(rows)) is not None:
            raise NumericalError(_not_finite(model, layer, batch, bad))
        found[layer] = TO_NUMPY[codec](rows)

    try:
        input_ids = torch.from_numpy(batch.token_ids).to(model.device)
        read_residuals(
            model.module, model.blocks, layers=layers, input_ids=input_ids, receive=receive
        )
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise XcError(_no_memory(model, batch)) from error
    return found


def _not_finite(model: LoadedModel, layer: int, batch: Batch, row: int) -> str:
    sequence, position = batch.sequence_of(row)
    return (
        f"{model.keys[layer]}: a NaN or infinity in the residual stream of {model.name} at layer "
        f"{layer}, sequence {sequence}, position {position}, row {batch.row_start + row}; shards "
        "written before are safe; try --dtype float32 with another --store, or another model"
    )


def _no_memory(model: LoadedModel, batch: Batch) -> str:
    n, length = batch.token_ids.shape
    return (
        f"{model.name}: out of memory on a batch of {n} sequences of {length} tokens; shards "
        "written before are safe; run the same command again with a smaller --batch-size"
    )
