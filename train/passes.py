"""Which training pass a run takes."""

import torch

from xc.train.activation_fns import ActivationFn
from xc.train.forward import ForwardPass, dense
from xc.train.forward_sparse import sparse

SPARSE_FROM = 8
"""Latents per kept one from which the sparse pass is faster on a CPU."""


def choose(fn: ActivationFn, *, d_sae: int, k: int, device: torch.device) -> ForwardPass:
    """The sparse pass on a CPU where few of many latents are kept, else the dense one."""
    few = fn.select is not None and d_sae >= SPARSE_FROM * k
    return sparse if few and device.type == "cpu" else dense
