"""What is shown of a dictionary: its numbers, and its columns by kind of planted latent."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from planted_numbers import numbers
from planted_scenes import Scene

from xc.evaluate import Evaluation
from xc.evaluate.nulls.assessment import matched
from xc.store_schema import Checkpoint

UNTOLD = ("silent", "whisper", "rare")
"""Kinds whose columns are of no interest."""


def described(done: Evaluation, scene: Scene, scales: tuple[float, ...]) -> dict[str, Any]:
    """A dictionary's numbers, and its columns over the latents matched to those of each kind."""
    checkpoint = Checkpoint.load(done.run.checkpoint)
    table = done.latents
    at = _matched(checkpoint, table.column("class"), scene, scales)
    names = [n for n in table.to_arrow().column_names if n not in ("latent", "group")]
    columns = {name: table.column(name)[at[at >= 0]] for name in names}
    kinds = {name: members[at >= 0] for name, members in scene.kinds.items()}
    return {
        "summary": rounded_all(numbers(done)),
        "matched": {name: int(members.sum()) for name, members in kinds.items()},
        "latents": by_kind(columns, kinds),
    }


def _matched(
    checkpoint: Checkpoint, classes: np.ndarray, scene: Scene, scales: tuple[float, ...]
) -> np.ndarray:
    """The latent of each planted one, −1 where none has a cosine above 0.9."""
    planted = np.concatenate([w * c for w, c in zip(scene.truth.W, scales, strict=True)], axis=1)
    decoder = np.concatenate(checkpoint.W_dec, axis=1)
    if decoder.shape == planted.shape and np.allclose(decoder, planted, atol=1e-5):
        return np.arange(len(planted))
    alive = np.flatnonzero(classes != "dead")
    at = matched(planted, decoder[alive], scene.kind != "silent")
    return np.where(at >= 0, alive[at], -1)


def by_kind(
    columns: Mapping[str, np.ndarray], kinds: Mapping[str, np.ndarray]
) -> dict[str, dict[str, Any]]:
    """Medians over the latents of each kind; of words, the most frequent one; nothing of none."""
    return {
        kind: {name: _middle(c[members]) for name, c in columns.items()}
        for kind, members in kinds.items()
        if kind not in UNTOLD and members.any()
    }


def _middle(values: np.ndarray) -> Any:
    if values.dtype.kind in "UO":
        words, counts = np.unique(values.astype(str), return_counts=True)
        return str(words[counts.argmax()])
    known = values[~np.isnan(values)]
    return _rounded(np.median(known)) if len(known) else None


def rounded_all(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _rounded(values[key]) for key in sorted(values)}


def _rounded(value: Any) -> int | float | None:
    """Three digits; nothing for what is not finite, 0 for what is next to it."""
    if isinstance(value, int | np.integer) or not math.isfinite(value):
        return int(value) if isinstance(value, int | np.integer) else None
    return float(f"{value:.3g}") if abs(value) >= 1e-4 else 0.0
