"""Whether the kernels work on a device, tried out before a run relies on them."""

import warnings
from functools import cache

import torch
from torch import Tensor

from xc.store_schema import CheckpointSource
from xc.train.crosscoder import Crosscoder
from xc.train.forward import ForwardPass, dense
from xc.train.gpu.sparse import sparse
from xc.train.initial import initialise

_SHAPE = (128, 1024)
"""Width and latents: whole blocks, so that what is compiled here serves a run too."""
_ROWS, _K = 4, 8
_TOLERANCE = 0.02
"""Of float32's products where torch is told to take less."""


@cache
def runs_on(device: torch.device) -> bool:
    """Whether kernels compile for a device, run there, and compute what they should.

    If not, a warning says why, once: training is as exact without them, and slower.
    """
    if not torch.cuda.is_available():
        return False
    try:
        wrong = _difference(device) > _TOLERANCE
        why = "its result is wrong"
    except Exception as error:  # no C compiler, an old driver or card: Triton's errors are many
        wrong, why = True, str(error).strip().split("\n")[0]
    if wrong:
        warnings.warn(f"no Triton on {device}, so training is slower ({why})", stacklevel=2)
    return not wrong


def _difference(device: torch.device) -> float:
    """Largest relative difference to the dense pass, with θ unknown and with θ known."""
    width, d_sae = _SHAPE
    source = CheckpointSource("probe@0", "probe", None, 0, "residual", width)
    crosscoder = Crosscoder([source], d_sae, activation_fn={"name": "batch_topk", "k": _K})
    crosscoder.to(device)
    generator = torch.Generator().manual_seed(0)
    initialise(crosscoder, norm=1.0, same=False, generator=generator)
    x = torch.randn(_ROWS, width, generator=generator).to(device)
    expected = _outcome(dense, crosscoder, x)
    worst = 0.0
    for theta in (0.0, dense(crosscoder, x, _K).smallest):
        crosscoder.set_threshold(torch.as_tensor(theta))
        for mine, reference in zip(_outcome(sparse, crosscoder, x), expected, strict=True):
            off = (mine - reference).abs().max() / reference.abs().max()
            worst = max(worst, float(off.nan_to_num(nan=torch.inf)))
    return worst


def _outcome(forward: ForwardPass, crosscoder: Crosscoder, x: Tensor) -> list[Tensor]:
    """Reconstruction and gradients."""
    xhat = forward(crosscoder, x, _K).xhat
    loss = (x - xhat).square().sum()
    return [xhat.detach(), *torch.autograd.grad(loss, list(crosscoder.parameters()))]
