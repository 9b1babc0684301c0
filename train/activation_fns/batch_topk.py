"""BatchTopK: the k·n largest v = f·Σ‖d‖ of a batch in training, v > θ at inference.

Minder et al. 2025, appendix A.1, after Bussmann et al. 2024. Only positive v are kept, so a batch
with fewer than k·n of them keeps them all.
"""

import numpy as np
import torch
from torch import Tensor

from xc.train.activation_fns.kinds import ActivationFn

_NEAR = 0.9
"""Share of θ above which candidates are sought first."""


def infer(f: Tensor, norm_sum: Tensor, threshold: Tensor) -> Tensor:
    """f where v is strictly above θ, else 0."""
    return torch.where(f * norm_sum > threshold.to(f.dtype), f, f.new_zeros(()))


def select(pre: Tensor, norm_sum: Tensor, per_row: int, threshold: Tensor) -> Tensor:
    """Flat indices, ascending, of the `per_row`·n largest positive v = pre·Σ‖d‖.

    Among equal values the lower index wins, so the set is a function of v alone; θ of the batches
    before only says where to look first, which spares a sort of the whole array.
    """
    count = per_row * len(pre)
    level = _NEAR * float(threshold)
    found = _above(pre, norm_sum, level)
    v = _values(pre, norm_sum, found)
    least = _kth_largest(v, count)
    if least is None or float(least) <= level * (1 + 1e-4):
        found = _above(pre, norm_sum, 0.0)
        v = _values(pre, norm_sum, found)
        least = _kth_largest(v, count)
    return found if least is None else found[_largest(v, least, count)]


def _above(pre: Tensor, norm_sum: Tensor, level: float) -> Tensor:
    """Flat indices where pre·Σ‖d‖ exceeds a level (up to rounding), without forming the product."""
    mask = (pre > level / norm_sum).flatten()
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return torch.nonzero(mask).squeeze(1)


def _values(pre: Tensor, norm_sum: Tensor, found: Tensor) -> Tensor:
    return pre.flatten()[found] * norm_sum[found % pre.shape[1]]


def _kth_largest(v: Tensor, count: int) -> Tensor | None:
    """The `count`-th largest value; None if there are fewer."""
    return v.kthvalue(len(v) - count + 1).values if 0 < count <= len(v) else None


def _largest(v: Tensor, least: Tensor, count: int) -> Tensor:
    """Mask of the `count` largest values, the last of which is `least`."""
    keep = v >= least
    ties = torch.nonzero(v == least).squeeze(1)
    keep[ties[len(ties) - (int(keep.sum()) - count) :]] = False
    return keep


BATCH_TOPK = ActivationFn("batch_topk", infer=infer, select=select)
