"""Memory that the fused training step keeps from one step to the next, by arithmetic."""

from collections.abc import Sequence
from importlib.util import find_spec

import torch

from xc.train import TrainConfig
from xc.train.passes import FUSED_FROM, SPARSE_FROM

_FLOAT, _BFLOAT = 4, 2
_CANDIDATES = 12
"""Candidates per kept pair that there is room for: a latent and two bounds each."""
_KNOWN = ("batch_topk", "topk", "l1", "none")


def fused_bytes(config: TrainConfig, d_sae: int, widths: Sequence[int]) -> int:
    """What a run keeps beside weights, gradients and moments; 0 where autograd takes its steps.

    All of them keep the encoder in bfloat16. Where latents are selected, pre-activations are in
    bfloat16 too, beside the candidates; else those and their gradient are in float32, and so are
    the gradients of all weights.

    Args:
        config: resolved.
        d_sae: number of latents.
        widths: of the sources.
    """
    weights, n = d_sae * sum(widths), config.batch_size
    if not takes_fused_step(config, d_sae, widths):
        return 0
    narrowed = _BFLOAT * weights
    if config.sparsity in ("batch_topk", "topk"):
        k = max(config.k, config.k_start or 0)
        return narrowed + _BFLOAT * n * d_sae + 3 * _FLOAT * _CANDIDATES * n * k
    return narrowed + _FLOAT * (2 * weights + 2 * n * d_sae + n * sum(widths))


def takes_fused_step(config: TrainConfig, d_sae: int, widths: Sequence[int]) -> bool:
    """Whether `passes.choose_step` will choose it, as far as a configuration tells."""
    selects = config.sparsity in ("batch_topk", "topk")
    few = d_sae >= SPARSE_FROM * max(config.k, config.k_start or 0)
    return (
        d_sae * sum(widths) >= FUSED_FROM
        and config.sparsity in _KNOWN
        and (few or not selects)
        and config.code_norm != "decoupled"
        and not config.matryoshka
        and config.grad_accumulation == 1
        and _on_cpu(config.device)
        and find_spec("numba") is not None
    )


def _on_cpu(device: str) -> bool:
    return device == "cpu" or (device == "auto" and not torch.cuda.is_available())
