"""Print the peak of traced memory while the metrics' graph runs over N rows."""

import sys
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np

from xc.evaluate import METRICS
from xc.evaluate.blocks import cut_all
from xc.evaluate.clusters import row_groups
from xc.evaluate.graph import GroupTotals, Stage, group_totals
from xc.evaluate.metric import Pass
from xc.evaluate.reader import Reader
from xc.evaluate.scheduler import compute
from xc.evaluate.task_graph import Carried
from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    CheckpointSource,
    LatentTableWriter,
    RunLayout,
    Silent,
    Source,
    StorePlan,
    StoreWriter,
)

WIDTH, D_SAE, LENGTH, K = 256, 128, 64, 8
BLOCK = 2048
KEYS = ("alpha@1", "beta@2")


def write_store(path: Path, n_rows: int) -> ActivationStore:
    """A store of random rows, all held out, in shards of one block."""
    n_sequences = n_rows // LENGTH
    plan = StorePlan(
        token_ids=np.ones(n_rows, np.int32),
        token_offsets=np.arange(0, n_rows + 1, LENGTH),
        document=np.arange(n_sequences),
        split=np.ones(n_sequences, np.uint8),
        keep=np.ones(n_rows, bool),
        vocabulary=[b"a", b"b"],
        corpus={},
        tokenizer={},
        filter={},
        config={},
        shard_rows=BLOCK,
        chunk_rows=256,
    )
    writer = StoreWriter.create(path, plan)
    sources = [Source(k, k[:-2], None, 1, "residual", "made", WIDTH, "float32", "0") for k in KEYS]
    writer.add_sources(sources, codec="bf16", tuples=[KEYS])
    rng = np.random.default_rng(0)
    for key in KEYS:
        for shard in writer.missing(key):
            a, b = writer.shard_range(shard)
            writer.write_shard(key, shard, rng.normal(size=(b - a, WIDTH)).astype(np.float32))
    writer.seal()
    return ActivationStore.open(path)


def write_run(root: Path, store: ActivationStore) -> RunLayout:
    """Random weights and K random latents a row."""
    rng = np.random.default_rng(1)
    run = RunLayout(root)
    checkpoint = Checkpoint(
        sources=tuple(CheckpointSource(k, k[:-2], None, 1, "residual", WIDTH) for k in KEYS),
        activation_fn={"name": "relu"},
        W_enc=tuple(rng.normal(size=(WIDTH, D_SAE)).astype(np.float32) for _ in KEYS),
        b_enc=np.zeros(D_SAE, np.float32),
        W_dec=tuple(rng.normal(size=(D_SAE, WIDTH)).astype(np.float32) for _ in KEYS),
        b_dec=tuple(np.zeros(WIDTH, np.float32) for _ in KEYS),
    )
    checkpoint.save(run.checkpoint)
    with LatentTableWriter(
        run.latents,
        d_sae=D_SAE,
        checkpoint=checkpoint.fingerprint,
        store=store.fingerprint_of(KEYS),
    ) as table:
        for a, b in store.blocks("heldout"):
            latent = np.sort(rng.random((b - a, D_SAE)).argsort(axis=1)[:, :K], axis=1)
            f = rng.random(latent.size).astype(np.float32) + np.float32(0.1)
            table.write(a, b, np.repeat(np.arange(a, b), K), latent.ravel().astype(np.int32), f)
    return run


def _forget(carried: Carried[GroupTotals]) -> None:
    carried.take()


def main(n_rows: int) -> None:
    """Write, then measure the reading."""
    with tempfile.TemporaryDirectory() as folder:
        store = write_store(Path(folder) / "acts.zarr", n_rows)
        run = write_run(Path(folder) / "run", store)
        reader = Reader(store.path, run.root, BLOCK)
        reading = [m for m in METRICS if m.reads is not Pass.NONE]
        blocks = cut_all(store.blocks("heldout"), BLOCK)
        counted = np.diff(store.sequences.row_offsets)
        one = row_groups(counted, np.arange(len(counted)), 1)
        whole, first = (
            group_totals(reader, one, [Stage(reading, frozenset(), some, _forget)])
            for some in (blocks, blocks[:1])
        )
        compute(first, scheduler="sync", progress=Silent(), title="warm", rows=0)
        tracemalloc.start()
        compute(whole, scheduler="sync", progress=Silent(), title="measured", rows=n_rows)
        print(tracemalloc.get_traced_memory()[1])


if __name__ == "__main__":
    main(int(sys.argv[1]))
