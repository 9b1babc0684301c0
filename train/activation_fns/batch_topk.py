"""BatchTopK: the k·n largest v = f·Σ‖d‖ of a batch in training, v > θ at inference.

Minder et al. 2025, appendix A.1, after Bussmann et al. 2024. Only positive v are kept, so a batch
with fewer than k·n of them keeps them all.
"""

import torch
from torch import Tensor

from xc.train.activation_fns.kinds import ActivationFn

_NEAR = 0.9
"""Share of the last θ above which candidates are sought first."""


def infer(f: Tensor, norm_sum: Tensor, threshold: Tensor) -> Tensor:
    """f where v is strictly above θ, else 0."""
    return torch.where(f * norm_sum > threshold.to(f.dtype), f, f.new_zeros(()))


def select(v: Tensor, per_row: int, threshold: Tensor) -> Tensor:
    """Flat indices, ascending, of the `per_row`·n largest positive values of v [row, latent].

    Among equal values the lower index wins, so the set is a function of v alone; `threshold` (last
    batches' θ) only says where to look first, which spares a sort of the whole array.
    """
    count = per_row * len(v)
    flat = v.flatten()
    candidates = _above(flat, _NEAR * float(threshold))
    if len(candidates) < count:
        candidates = _above(flat, 0.0)
    if len(candidates) <= count:
        return candidates
    values = flat[candidates]
    least = values.kthvalue(len(values) - count + 1).values
    ties = torch.nonzero(values == least).squeeze(1)
    spare = len(ties) - (count - int((values > least).sum()))
    keep = values >= least
    keep[ties[len(ties) - spare :]] = False
    return candidates[keep]


def _above(flat: Tensor, level: float) -> Tensor:
    return torch.nonzero(flat > max(level, 0.0)).squeeze(1)


BATCH_TOPK = ActivationFn("batch_topk", infer=infer, select=select)
