"""A store and a run of random numbers, as `evaluate.py` and `evaluate_memory.py` measure them."""

from pathlib import Path

import numpy as np

from xc.evaluate.blocks import cut_all
from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    CheckpointSource,
    LatentTableWriter,
    RunLayout,
    Source,
    StorePlan,
    StoreWriter,
)

KEYS = ("alpha@1", "beta@2")
WIDTH, D_SAE, K = 768, 4096, 60
LENGTH = 256
"""Tokens of a sequence."""
PART = 16384
"""Rows of a part of the latent table."""


def write_store(path: Path, n_rows: int) -> ActivationStore:
    """Random activations of two sources, all held out."""
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
    )
    writer = StoreWriter.create(path, plan)
    sources = [Source(k, k[:-2], None, 1, "residual", "made", WIDTH, "float32", "0") for k in KEYS]
    writer.add_sources(sources, codec="bf16", tuples=[KEYS])
    rng = np.random.default_rng(0)
    for key in KEYS:
        for shard in writer.missing(key):
            a, b = writer.shard_range(shard)
            writer.write_shard(key, shard, rng.standard_normal((b - a, WIDTH), np.float32))
    writer.seal()
    return ActivationStore.open(path)


def write_run(root: Path, store: ActivationStore) -> RunLayout:
    """Random weights; K distinct latents of D_SAE a row."""
    rng = np.random.default_rng(1)
    run = RunLayout(root)

    def weights(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, np.float32) / np.float32(np.sqrt(WIDTH))

    checkpoint = Checkpoint(
        sources=tuple(CheckpointSource(k, k[:-2], None, 1, "residual", WIDTH) for k in KEYS),
        activation_fn={"name": "relu"},
        W_enc=tuple(weights(WIDTH, D_SAE) for _ in KEYS),
        b_enc=np.zeros(D_SAE, np.float32),
        W_dec=tuple(weights(D_SAE, WIDTH) for _ in KEYS),
        b_dec=tuple(weights(WIDTH) for _ in KEYS),
    )
    checkpoint.save(run.checkpoint)
    with LatentTableWriter(
        run.latents,
        d_sae=D_SAE,
        checkpoint=checkpoint.fingerprint,
        store=store.fingerprint_of(KEYS),
    ) as table:
        for a, b in cut_all(store.blocks("heldout"), PART):
            first = rng.integers(0, D_SAE, (b - a, 1))
            step = 2 * rng.integers(0, D_SAE // 2, (b - a, 1)) + 1
            latent = np.sort((first + step * np.arange(K)) % D_SAE, axis=1).astype(np.int32)
            f = rng.gamma(2.0, 1.0, latent.size).astype(np.float32) + np.float32(1e-3)
            table.write(a, b, np.repeat(np.arange(a, b), K), latent.ravel(), f)
    return run
