"""Which training pass a run takes, and which step around it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from xc.train.activation_fns import ActivationFn
from xc.train.activation_fns.kinds import Select
from xc.train.crosscoder import Crosscoder
from xc.train.forward import ForwardPass, Pass, dense
from xc.train.forward_sparse import sparse
from xc.train.state import TrainState
from xc.train.step import Settings, StepReport, take_step

SPARSE_FROM = 8
"""Latents per kept one from which the sparse pass is faster on a CPU."""
SPARSE_FROM_ON_CUDA = 64
"""The same on a CUDA device, by arithmetic and not measured: there products of matrices gain more
on reading rows, and break even at about 56 in float32."""
FUSED_FROM = 1 << 20
"""Weights of the encoder from which it is worth the seconds that compiling takes the first time."""

Step = Callable[[TrainState, Tensor, Settings], StepReport]
"""`take_step`, or what does the same."""


class SelectingPass(Protocol):
    """A forward pass that may be told how to select."""

    def __call__(
        self, crosscoder: Crosscoder, x: Tensor, k: int, *, select: Select | None = None
    ) -> Pass:
        """(crosscoder, x [row, d_model of all sources], k) -> Pass."""


def choose(
    fn: ActivationFn,
    *,
    d_sae: int,
    k: int,
    device: torch.device,
    decoupled: bool = False,
    prefixes: Sequence[int] = (),
) -> ForwardPass:
    """The device's sparse pass where few of many latents are kept, else the dense one.

    The dense pass alone selects per source (`decoupled`) and reconstructs by prefixes too.
    """
    if prefixes:
        return partial(dense, prefixes=tuple(prefixes))
    selects = fn.select is not None and not decoupled
    return selecting_pass(device, d_sae=d_sae, k=k) if selects else dense


def selecting_pass(device: torch.device, *, d_sae: int, k: int) -> SelectingPass:
    """The faster of two passes for an activation function that selects, once for all sources."""
    if device.type == "cpu":
        return sparse if d_sae >= SPARSE_FROM * k else dense
    if device.type != "cuda" or d_sae < SPARSE_FROM_ON_CUDA * k:
        return dense
    try:
        from xc.train.gpu.probe import runs_on  # noqa: PLC0415
        from xc.train.gpu.sparse import sparse as in_kernels  # noqa: PLC0415
    except (ImportError, RuntimeError):  # no Triton, or not for this system
        return dense
    return in_kernels if runs_on(device) else dense


def choose_step(crosscoder: Crosscoder, settings: Settings) -> Step:
    """The fused step where it knows the architecture and pays, else autograd's.

    It needs numba, and a CPU; it knows functions that select as the sparse pass does, and ReLU with
    a linear penalty or none.
    """
    known = sparse if crosscoder.activation.select is not None else dense
    linear = settings.tanh_scale is None and crosscoder.log_threshold is None
    on_cpu = crosscoder.W_enc.device.type == "cpu"
    large = crosscoder.W_enc.numel() >= FUSED_FROM
    if settings.forward is not known or not (linear and on_cpu and large):
        return take_step
    try:
        from xc.train.fused.step import FusedStep  # noqa: PLC0415
    except (ImportError, RuntimeError):  # no numba, not for this NumPy, or nowhere to keep code
        return take_step
    return FusedStep(crosscoder)
