"""The dead-latent loss (AuxK): latents that no longer fire learn to explain what is left over.

After Gao et al. 2024, in the form of Minder et al.'s code: per token the k_aux dead latents of the
largest v reconstruct the residual r = x − x̂, without bias and without gradient to what is alive;
the error is divided by the variance of r.
"""

import torch
from torch import Tensor

from xc.train.crosscoder import Crosscoder


def auxk(crosscoder: Crosscoder, x: Tensor, residual: Tensor, *, dead: Tensor, k: int) -> Tensor:
    """mean_t ‖r − r̂‖² / mean_t ‖r − r̄‖²; 0 where there is nothing to explain.

    Args:
        crosscoder: whose dead latents learn.
        x: normalised batch [row, d_model of all sources].
        residual: x − x̂ of the same batch; taken as a constant.
        dead: indices of the dead latents [dead]; at least one.
        k: most dead latents per token.
    """
    r = residual.detach()
    f = _dead_latents(crosscoder, x, dead, min(k, len(dead)))
    error = (r - f @ crosscoder.W_dec.index_select(0, dead)).square().sum()
    spread = (r - r.mean(dim=0)).square().sum()
    something = spread > 0
    return torch.where(something, error / torch.where(something, spread, 1.0), 0.0)


def _dead_latents(crosscoder: Crosscoder, x: Tensor, dead: Tensor, k: int) -> Tensor:
    pre = torch.nn.functional.linear(
        x, crosscoder.W_enc.index_select(0, dead), crosscoder.b_enc.index_select(0, dead)
    )
    f = torch.relu(pre)
    if k == len(dead):
        return f
    v = f.detach() * crosscoder.norm_sum().detach()[dead]
    return f * torch.zeros_like(f).scatter_(1, v.topk(k, dim=1).indices, 1.0)
