"""Rows to store, as a store and as a plain file, and timing in turns: for `store.py`."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from xc.store_schema import Source, StorePlan, StoreWriter
from xc.store_schema.codecs import codec

WIDTH = 768
KEY = "m@1"
Job = Callable[[], float]
"""Does something; returns the seconds that it took."""


def make_rows(n: int) -> np.ndarray:
    """float32 [n, WIDTH] like a residual stream: heavy tails, unequal and a few massive dimensions.

    The massive ones have means and standard deviations in the hundreds of a usual number.
    """
    generator = np.random.default_rng(0)
    scale = generator.lognormal(0, 0.5, WIDTH)
    massive = generator.choice(WIDTH, 4, replace=False)
    scale[massive] = (300, 100, 50, 30)
    rows = np.empty((n, WIDTH), np.float32)
    for start in range(0, n, 8192):
        rows[start : start + 8192] = generator.standard_t(5, rows[start : start + 8192].shape)
    rows *= scale.astype(np.float32)
    rows[:, massive] += np.array([500, -200, 50, 0], np.float32)
    return rows


def make_plan(rows: int, shard_rows: int) -> StorePlan:
    """Sequences of 128 tokens, all to train on."""
    return StorePlan(
        token_ids=np.ones(rows, dtype=np.int32), token_offsets=np.arange(0, rows + 1, 128),
        document=np.arange(rows // 128), split=np.zeros(rows // 128, dtype=np.uint8),
        keep=np.ones(rows, dtype=bool), vocabulary=[b"a", b"b"], corpus={}, tokenizer={},
        filter={}, config={}, shard_rows=shard_rows,
    )  # fmt: skip


def write_store(path: Path, rows: np.ndarray, name: str, shard_rows: int) -> float:
    """A store of one source; seconds that its shards took, statistics and checksums included."""
    writer = StoreWriter.create(path, make_plan(len(rows), shard_rows))
    source = Source(KEY, "m", None, 1, "residual", "m", WIDTH, "float32", "0")
    writer.add_sources([source], codec=name, tuples=[(KEY,)])
    how, seconds = codec(name), 0.0
    for shard in writer.missing(KEY):
        first, last = writer.shard_range(shard)
        part = rows[first:last].astype(how.dtype)
        start = time.perf_counter()
        writer.write_shard(KEY, shard, part)
        seconds += time.perf_counter() - start
    writer.seal()
    return seconds


def write_memmap(path: Path, rows: np.ndarray) -> np.ndarray:
    """The same rows, bit for bit those of codec bf16, as one flat file."""
    flat = np.memmap(path, np.int16, "w+", shape=rows.shape)
    for start in range(0, len(rows), 8192):
        part = torch.from_numpy(rows[start : start + 8192]).bfloat16()
        flat[start : start + 8192] = part.view(torch.int16).numpy()
    flat.flush()
    return np.memmap(path, np.int16, "r", shape=rows.shape)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(jobs: dict[str, Job], rounds: int) -> dict[str, list[float]]:
    """Seconds of every job in every round, after a turn to warm up."""
    for job in jobs.values():
        job()
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            seconds[name].append(job())
    return seconds
