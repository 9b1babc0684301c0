"""Runs of dictionaries that are written down or trained, and their evaluations."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xc.evaluate import EvaluateConfig, Evaluation, evaluate
from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    CheckpointSource,
    LatentTableWriter,
    RowFilter,
    RunLayout,
    Silent,
)
from xc.train import TrainConfig, train


@dataclass(frozen=True)
class Dictionary:
    """Latents of two sources as written down."""

    W: tuple[np.ndarray, ...]
    """Of A, B, … [latent, d_model], acting on rows as stored."""
    codes: np.ndarray
    """[row, latent], not negative."""
    concept: np.ndarray
    """int [latent], ascending from 0: latents of one concept share its direction."""
    bias: tuple[np.ndarray, ...] | None = None
    """Of each source [d_model]; None: what is right on average."""
    encoders: tuple[np.ndarray, ...] | None = None
    """Like W; None: none."""
    partition: tuple[dict[str, Any], ...] = ()
    """Groups of latents, as a checkpoint records them."""

    def presence(self, source: int) -> np.ndarray:
        """[row, concept]: at what length a source holds each concept."""
        lengths = self.codes * np.linalg.norm(self.W[source], axis=1)
        return lengths @ np.eye(self.concept.max() + 1)[self.concept]

    def directions(self, source: int) -> np.ndarray:
        """[concept, d_model], unit length; 0 where a source lacks one."""
        out = np.zeros((self.concept.max() + 1, self.W[source].shape[1]))
        for row, concept in zip(self.W[source], self.concept, strict=True):
            if row.any():
                out[concept] = row / np.linalg.norm(row)
        return out


def written(
    root: Path, dictionary: Dictionary, store: ActivationStore, scales: tuple[float, ...],
    config: EvaluateConfig,
) -> Evaluation:  # fmt: skip
    """Of a run in this folder that holds the dictionary."""
    run = RunLayout(root)
    write_run(run, dictionary, store, scales)
    return evaluate(config, run=run, store=store, progress=Silent())


def trained(
    root: Path, settings: Mapping[str, Any], store: ActivationStore, steps: int,
    config: EvaluateConfig,
) -> Evaluation:  # fmt: skip
    """Of a run in this folder, trained for so many steps."""
    run, tokens = RunLayout(root), steps * settings["batch_size"]
    how = TrainConfig.resolve({**settings, "tokens": tokens})
    train(how, store=store, run=run, progress=Silent())
    return evaluate(config, run=run, store=store, progress=Silent())


def write_run(
    run: RunLayout, dictionary: Dictionary, store: ActivationStore, scales: tuple[float, ...]
) -> None:
    """A run as `xc train` leaves it, of a dictionary as written down: its codes are its latents."""
    keys = [source.key for source in store.sources]
    sources = [store.source(key) for key in keys]
    d_sae = dictionary.codes.shape[1]
    encoders = dictionary.encoders or tuple(np.zeros_like(w) for w in dictionary.W)
    bias = dictionary.bias or _right_on_average(dictionary, store)
    checkpoint = Checkpoint(
        sources=tuple(
            CheckpointSource(s.key, s.model, s.revision, s.layer, s.site, s.d_model)
            for s in sources
        ),
        activation_fn={"name": "relu"},
        W_enc=tuple(w.T.astype(np.float32) for w in encoders),
        b_enc=np.zeros(d_sae, dtype=np.float32),
        W_dec=tuple((w * c).astype(np.float32) for w, c in zip(dictionary.W, scales, strict=True)),
        b_dec=tuple((b * c).astype(np.float32) for b, c in zip(bias, scales, strict=True)),
        scale=scales,
        store_fingerprint=store.fingerprint_of(keys),
        partition=dictionary.partition,
    )
    checkpoint.save(run.checkpoint)
    with LatentTableWriter(
        run.latents, d_sae=d_sae, checkpoint=checkpoint.fingerprint,
        store=store.fingerprint_of(keys), row_filter=RowFilter(),
    ) as table:  # fmt: skip
        for start, stop in store.blocks("heldout"):
            f = dictionary.codes[start:stop].astype(np.float32)
            row, latent = np.nonzero(f)
            table.write(start, stop, row + start, latent.astype(np.int32), f[row, latent])


def _right_on_average(dictionary: Dictionary, store: ActivationStore) -> tuple[np.ndarray, ...]:
    """By source [d_model]: the mean row less the mean of what latents write."""
    mean = dictionary.codes.mean(axis=0)
    keys = (source.key for source in store.sources)
    return tuple(
        store.statistics(k).mean - mean @ w for k, w in zip(keys, dictionary.W, strict=True)
    )
