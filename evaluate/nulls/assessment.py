"""Which planted directions a crosscoder found, and what it found beside them.

Latents that fire are matched one to one to planted directions (Hungarian method) by the cosine
between a latent's decoder rows in all sources, one behind the other, and the planted direction
likewise. A direction of a kind (shared, A only, B only) counts as found if its latent has a cosine
above `COSINE` and is of that class in latents.parquet; every other latent of that class is a false
discovery.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from xc.evaluate.class_thresholds import EXCLUSIVE, WITHIN
from xc.evaluate.decoder_pairs import norm_difference
from xc.evaluate.evaluation import Evaluation
from xc.evaluate.nulls.planted import A_ONLY, B_ONLY, JOINED, KINDS, SHARED, A, Planted
from xc.store_schema import Checkpoint

COSINE = 0.9


@dataclass(frozen=True)
class Found:
    """What an architecture came to."""

    fve: float
    l0: float
    alive: int
    """Latents that fire on held-out rows."""
    unmatched: int
    """Those among them that match no planted direction of any kind."""
    recall: dict[str, float | None]
    """By kind, of the planted directions; None where no source holds it, or none is planted."""
    false: dict[str, int | None]
    """By kind, latents of that class that are no planted direction of it; None without classes."""


def assess(checkpoint: Checkpoint, done: Evaluation, planted: Planted) -> Found:
    """Match latents that fire to planted directions, and count."""
    keys = [source.key for source in checkpoint.sources]
    parts = zip(keys, checkpoint.scale, strict=True)
    truth = np.concatenate([planted.of(key) * scale for key, scale in parts], axis=1)
    alive = done.latents.column("class") != "dead"
    decoder = np.concatenate(checkpoint.W_dec, axis=1)[alive]
    paired = len(keys) == 2 or keys == [JOINED]
    classes = _classes(checkpoint, done, planted)[alive] if paired else None
    visible = np.linalg.norm(truth, axis=1) > 1e-6
    latent = matched(truth, decoder, visible)
    found = latent >= 0
    recall, false = {}, {}
    for kind in KINDS:
        of_kind = (planted.kind == kind) & visible
        right = found & of_kind
        if classes is not None:
            right[right] = classes[latent[right]] == kind
            false[kind] = int((classes == kind).sum() - right.sum())
        recall[kind] = float(right.sum() / of_kind.sum()) if of_kind.any() else None
    return Found(
        done.summary["fve"], done.summary["l0"], int(alive.sum()),
        int(alive.sum() - found.sum()), recall, {kind: false.get(kind) for kind in KINDS},
    )  # fmt: skip


def matched(truth: np.ndarray, decoder: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """The latent of each planted direction, −1 where none has a cosine above COSINE: int64 [n].

    Args:
        truth: [n, width], planted directions.
        decoder: [latent, width].
        visible: bool [n], directions that these sources hold.
    """
    lengths = np.linalg.norm(truth, axis=1)[:, None] * np.linalg.norm(decoder, axis=1)
    cosines = np.divide(truth @ decoder.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    hit = np.where(visible[:, None] & (cosines > COSINE), cosines, 0.0)
    rows, columns = linear_sum_assignment(hit, maximize=True)
    latent = np.full(len(truth), -1)
    latent[rows] = np.where(hit[rows, columns] > 0, columns, -1)
    return latent


def _classes(checkpoint: Checkpoint, done: Evaluation, planted: Planted) -> np.ndarray:
    """As evaluated; of a SAE on both sources by the same rule, from the parts of its rows."""
    if checkpoint.n_sources == 2:
        return done.latents.column("class")
    width = planted.directions[A].shape[1]
    a, b = np.split(checkpoint.W_dec[0].astype(np.float64), [width], axis=1)
    # One scale for both sources leaves the wider one's rows longer, as its activations are.
    delta = norm_difference(*(np.linalg.norm(d, axis=1) / np.sqrt(d.shape[1]) for d in (a, b)))
    conditions = [delta < EXCLUSIVE, delta > 1 - EXCLUSIVE, np.abs(delta - 0.5) < WITHIN]
    return np.select(conditions, [A_ONLY, B_ONLY, SHARED], "other")
