"""The training pass of a crosscoder: encode, select, decode, and what the rest of a step needs.

`dense` is the reference: plain autograd over [row, latent] arrays. A faster pass has the same
signature and gives the same `Pass`; `passes.choose` says which one a run takes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from xc.train.activation_fns import Selection
from xc.train.crosscoder import Crosscoder


@dataclass(frozen=True)
class Pass:
    """One batch through the crosscoder. Tensors marked ∂ carry gradients."""

    xhat: Tensor
    """∂ Reconstruction [row, d_model of all sources]."""
    f_mean: Tensor
    """∂ (where nothing is selected) mean activation of each latent over the batch [latent]."""
    fired: Tensor
    """bool [latent]: f > 0 in at least one row."""
    active: int
    """Number of f > 0 in the batch."""
    smallest: float
    """Least positive v that was kept; 0 if none was, or nothing is selected."""


ForwardPass = Callable[[Crosscoder, Tensor, int], Pass]
"""(crosscoder, x [row, d_model of all sources], k) -> Pass."""


def dense(crosscoder: Crosscoder, x: Tensor, k: int) -> Pass:
    """Encode, keep what the activation function keeps, decode; all arrays dense."""
    pre = crosscoder.pre_activations(x)
    f = torch.relu(pre)
    smallest = 0.0
    select = crosscoder.activation.select
    if select is not None:
        norm_sum = crosscoder.norm_sum().detach()
        kept = select(pre.detach(), norm_sum, k, crosscoder.threshold)
        smallest = least_value(kept)
        index = torch.from_numpy(kept.flat).to(f.device)
        f = torch.zeros_like(f).flatten().scatter(0, index, f.flatten()[index]).view_as(f)
    positive = f.detach() > 0
    return Pass(
        xhat=crosscoder.decode_joined(f),
        f_mean=f.mean(dim=0),
        fired=positive.any(dim=0),
        active=int(positive.sum()),
        smallest=smallest,
    )


def least_value(kept: Selection) -> float:
    """Least v that was kept; 0 if nothing was."""
    return float(kept.v.min()) if len(kept.v) else 0.0
