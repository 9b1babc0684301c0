"""A store of random rows that is given more text, as a harvest of more tokens gives it."""

import dataclasses
from pathlib import Path

import numpy as np
import planted

from xc.store_schema import ActivationStore, StorePlan, StoreWriter
from xc.store_schema.stored_plan import stored_plan


def longer(plan: StorePlan, n: int = 33) -> StorePlan:
    """The plan, and `n` sequences of 9 tokens behind it, the last third held out."""
    rng = np.random.default_rng(7)
    ids = rng.integers(3, 200, n * 9).astype(np.int32)
    ids[::9] = 0
    heldout = np.arange(n) >= n * 2 // 3
    start = int(plan.token_offsets[-1])
    return dataclasses.replace(
        plan,
        token_ids=np.concatenate([plan.token_ids, ids]),
        token_offsets=np.concatenate([plan.token_offsets, start + np.arange(9, n * 9 + 1, 9)]),
        document=np.concatenate([plan.document, 1000 * plan.n_sequences + np.arange(n)]),
        split=np.concatenate([plan.split, heldout.astype(np.uint8)]),
        keep=np.concatenate([plan.keep, ids != 0]),
        mask=None,
        role=None,
        corpus_part=None,
        segments=(*(plan.segments or ({"rows": plan.n_rows},)), {"rows": n * 8}),
    )


def grow(path: Path, n: int = 33) -> ActivationStore:
    """Put `n` sequences of 8 rows behind a store's text; the rows of both sources are noise."""
    writer = StoreWriter.open(path)
    writer.extend(longer(stored_plan(ActivationStore.open(path)), n))
    rng = np.random.default_rng(3)
    for key in planted.KEYS:
        for shard in writer.missing(key):
            start, stop = writer.shard_range(shard)
            known = writer.tail(key).get(shard, np.zeros((0, 16), np.float32))
            rows = rng.normal(size=(stop - start, 16)).astype(np.float32)
            rows[: len(known)] = known
            writer.write_shard(key, shard, rows)
    writer.seal()
    writer.close()
    return ActivationStore.open(path)
