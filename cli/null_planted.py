"""The planted control of a run: the same kind of crosscoder, small, on data of known truth.

Widths keep their ratio, as does d_sae to the wider one; what says how the crosscoder works is the
run's, what says how long and how fast it is trained fits the small data.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xc.evaluate.nulls.planted import A, B, World
from xc.store_schema import ActivationStore
from xc.train import TrainConfig
from xc.train.normalisation import scales_of

WIDEST = 40
"""Width of the wider planted source."""
MOST = 80
"""Most planted directions."""
ROOM = 0.625
"""Planted directions per latent, at most: a dictionary needs room for false ones too."""
FREQUENCY = 0.05
"""Of a planted direction, on average."""
TOKENS = 1200 * 512
SMALL: Mapping[str, Any] = {
    "batch_size": 512, "dead_after_tokens": 50_000, "validate_every": 1000, "save_every": 1000,
    "log_every": 100, "lr": None, "lr_warmup_steps": 0, "lr_decay": 0.2, "k_start": None,
    "k_anneal_steps": 0, "auxk_k": None, "keep": (), "until_fve": None, "window_mb": None,
    "preset": None, "expansion_factor": None, "grad_accumulation": 1, "validation_rows": 4096,
}  # fmt: skip
"""Sizes and rates of the planted control, whatever those of the run."""


def planted_world(config: TrainConfig, widths: Sequence[int]) -> World:
    """Directions for sources of these widths, three shared ones for each A only and B only."""
    scaled = _scaled(widths)
    total = min(MOST, int(ROOM * _latents(config, widths)))
    own = max(1, total // 5)
    return World(scaled, same=scaled[0] == scaled[1], numbers=(max(1, total - 2 * own), own, own))


def planted_config(
    config: TrainConfig, widths: Sequence[int], world: World, *, tokens: int | None
) -> TrainConfig:
    """The settings of the control, all but the weight of its penalty.

    Args:
        config: of the run.
        widths: of its sources.
        world: what is planted.
        tokens: most to train on.
    """
    d_sae = _latents(config, widths)
    prefixes = (round(p * d_sae / (config.d_sae or d_sae)) for p in config.matryoshka)
    return replace(
        config,
        sources=(A, B),
        d_sae=d_sae,
        k=max(1, round(FREQUENCY * sum(world.numbers))),
        matryoshka=tuple(sorted({p for p in prefixes if 0 < p < d_sae})),
        tokens=min(tokens or TOKENS, TOKENS),
        **SMALL,
    )


def with_penalty(
    small: TrainConfig, run: TrainConfig, *, l0: float, of_run: float, of_planted: float
) -> TrainConfig:
    """λ such that it weighs against a latent's gain as it does in the run.

    A latent that is active carries about e = V/L0 of the variance V, at amplitude √e. Its l1
    penalty is λ√e and its gain e (squared, mse) or e/√V (norm): λ goes with √e, or with 1/√L0. The
    saturated tanh penalty of jumprelu is λ itself, which then goes with e, or e/√V.

    Args:
        small: settings of the control.
        run: those of the run.
        l0: latents active per token in the run.
        of_run: V there, summed over sources as normalised.
        of_planted: V in the planted data.
    """
    if small.sparsity not in ("l1", "jumprelu"):
        return small

    def weight(variance: float, active: float) -> float:
        energy = variance / active
        gain = energy / math.sqrt(variance) if run.reconstruction == "norm" else energy
        return gain / (math.sqrt(energy) if run.sparsity == "l1" else 1.0)

    ratio = weight(of_planted, float(small.k)) / weight(of_run, max(l0, 1e-9))
    return replace(small, l1_coeff=run.l1_coeff * ratio)


def variance(store: ActivationStore, config: TrainConfig) -> float:
    """Variance summed over the dimensions of all sources, as normalised."""
    scales = scales_of(
        store, config.sources, normalisation=config.normalisation, centred=config.centre,
        row_filter=config.row_filter,
    )  # fmt: skip
    parts = zip(config.sources, scales, strict=True)
    return float(sum(s**2 * np.sum(store.statistics(key).variance) for key, s in parts))


def _scaled(widths: Sequence[int]) -> tuple[int, int]:
    a, b = (max(8, round(w * WIDEST / max(widths))) for w in widths)
    return a, b


def _latents(config: TrainConfig, widths: Sequence[int]) -> int:
    return max(8, round((config.d_sae or 0) * WIDEST / max(widths)))
