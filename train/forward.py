"""The training pass of a crosscoder: encode, select, decode, and what the rest of a step needs.

`dense` is the reference: plain autograd over [row, latent] arrays. A faster pass has the same
signature and gives the same `Pass`; `choose` says which one a run takes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

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
    active: Tensor
    """Number of f > 0 in the batch."""
    smallest: Tensor
    """Least positive v that was kept; 0 if none was, or nothing is selected."""


ForwardPass = Callable[[Crosscoder, Tensor, int], Pass]
"""(crosscoder, x [row, d_model of all sources], k) -> Pass."""


def dense(crosscoder: Crosscoder, x: Tensor, k: int) -> Pass:
    """Encode, keep what the activation function keeps, decode; all arrays dense."""
    pre = crosscoder.pre_activations(x)
    f = torch.relu(pre)
    smallest = f.new_zeros(())
    select = crosscoder.activation.select
    if select is not None:
        with torch.no_grad():
            norm_sum = crosscoder.norm_sum()
            kept = select(pre, norm_sum, k, crosscoder.threshold)
            smallest = least_value(f.flatten()[kept], norm_sum[kept % crosscoder.d_sae])
        f = torch.zeros_like(f).flatten().scatter(0, kept, f.flatten()[kept]).view_as(f)
    positive = f.detach() > 0
    return Pass(
        xhat=crosscoder.decode_joined(f),
        f_mean=f.mean(dim=0),
        fired=positive.any(dim=0),
        active=positive.sum(),
        smallest=smallest,
    )


def least_value(f: Tensor, norm_sum: Tensor) -> Tensor:
    """Least v = f·Σ‖d‖ of what was kept; 0 if nothing was."""
    return (f * norm_sum).min() if len(f) else f.new_zeros(())
