"""The spread of cosines between unrelated latents: what stands behind the cosines of a figure."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from xc.evaluate.letters import letter
from xc.evaluate.report.columns import Floats, LatentColumns
from xc.store_schema import RunLayout

PAIRS = 2000
"""Pairs of latents that are drawn."""
SHARE = 0.95
"""Of them between the two ends."""
STEMS = {"cosine": "W_dec", "cosine_encoder": "W_enc"}
"""Columns of cosines, and the tensors that they are of."""

Bands = Mapping[str, tuple[float, float]]
"""Ends by `cosine_a_b`, `cosine_encoder_a_b`, …: the letters also where there are two sources."""


def read_bands(
    run: RunLayout, crosscoder: Mapping[str, Any], latents: LatentColumns, *, seed: int
) -> Bands:
    """Between which ends the cosines of random pairs lie, one latent's direction in one source and
    another's in the other; nothing of sources of unequal width, or without weights.

    Weights are read one tensor at a time, and of each only the drawn latents are kept.

    Args:
        run: whose checkpoint it is.
        crosscoder: the checkpoint's config.json.
        latents: those of class dead are not drawn.
        seed: of the draw.
    """
    alive = latents.latent[latents.classes != "dead"]
    n = len(crosscoder.get("sources") or ())
    if n < 2 or len(alive) < 2:
        return {}
    rng = np.random.default_rng(seed)
    first = rng.integers(len(alive), size=PAIRS)
    second = (first + rng.integers(1, len(alive), size=PAIRS)) % len(alive)  # never the same
    drawn = alive[first], alive[second]
    try:
        return dict(_bands(run, crosscoder, n, drawn))
    except (SafetensorError, OSError, IndexError):
        return {}


def _bands(
    run: RunLayout,
    crosscoder: Mapping[str, Any],
    n: int,
    drawn: tuple[np.ndarray, np.ndarray],
) -> Iterator[tuple[str, tuple[float, float]]]:
    centred = (crosscoder.get("normalisation") or {}).get("centre_rows") or [False] * n
    with safe_open(run.checkpoint / "crosscoder.safetensors", framework="numpy") as weights:
        there = set(weights.keys())
        for stem, tensor in STEMS.items():
            names = [f"{tensor}_{m}" for m in range(n)]
            sides = [
                _drawn(weights.get_tensor(name), drawn, encoder=tensor == "W_enc", flat=flat)
                for name, flat in zip(names, centred, strict=True)
                if there.issuperset(names)
            ]
            for p, q in combinations(range(len(sides)), 2):
                u, v = sides[p][0], sides[q][1]
                if u.shape[1] == v.shape[1]:
                    yield f"{stem}_{letter(p)}_{letter(q)}", _ends((u * v).sum(axis=1))


def _drawn(
    weights: Floats, drawn: tuple[np.ndarray, np.ndarray], *, encoder: bool, flat: bool
) -> tuple[Floats, Floats]:
    """Directions of the drawn latents, as first and as second of their pairs."""
    rows = weights.T if encoder else weights
    first, second = (_directions(rows[own], flat=encoder and flat) for own in drawn)
    return first, second


def _directions(rows: np.ndarray, *, flat: bool) -> Floats:
    """Of norm 1, NaN where there is no direction; `flat` without its mean, which no centred row
    can see."""
    wide: Floats = rows.astype(np.float64)
    if flat:
        wide = wide - wide.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    unit: Floats = np.divide(wide, norms, out=np.full_like(wide, np.nan), where=norms > 0)
    return unit


def _ends(cosines: Floats) -> tuple[float, float]:
    known = cosines[np.isfinite(cosines)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return float(low), float(high)
