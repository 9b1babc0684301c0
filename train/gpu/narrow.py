"""The k·n largest of a batch with the encoder's product in bfloat16, and exact all the same.

As in `fused.selection`: with x = y + μ, y = y₁₆ + δy and w = w₁₆ + δw,

    |w·x − (w₁₆·y₁₆ + w·μ)| ≤ ‖δy‖‖w‖ + ‖y₁₆‖‖δw‖ + what float32 adds.

Where k·n lower bounds reach a level, the k·n-th largest value does; what has an upper bound below
the level is out. Of the rest, bounds among themselves leave little more than k·n pairs, which are
computed in float32. The largest of those are kept, with those values.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from xc.train.activation_fns.batch_topk import NEAR
from xc.train.crosscoder import Crosscoder
from xc.train.gpu.launch import (
    Bounds,
    begins,
    count_bounded,
    dot_rows,
    list_bounded,
    narrow_rows,
)
from xc.train.gpu.pairs import Pairs
from xc.train.gpu.selection import MANY, largest_of_batch

_BFLOAT16 = 2.0**-8 * (1 + 2.0**-7)
"""Relative error of rounding to bfloat16."""
_SUM = 4 * 2.0**-24
"""Relative error of a sum per summand: of the product, of w·μ, and of values computed again."""
_SLACK = 1e-5
"""Relative rounding error of a norm."""


def narrows(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether that is faster: where a card multiplies bfloat16 by itself."""
    return (
        device.type == "cuda"
        and dtype == torch.float32
        and torch.cuda.get_device_capability(device) >= (8, 0)
    )


def batch_topk(crosscoder: Crosscoder, x: Tensor, weights: Tensor, k: int) -> Pairs | None:
    """The k·n largest v = f·s of the batch.

    Args:
        crosscoder: in float32.
        x: normalised batch [row, d_model of all sources].
        weights: s [latent].
        k: latents per row.

    Returns:
        The pairs; None where θ is too far from the least of their v, or there are too few.
    """
    n, count = len(x), k * len(x)
    if n == 0:
        return None
    bounds = _bounds(crosscoder, x, weights)
    level = (NEAR * crosscoder.threshold).to(x.dtype).expand(n).contiguous()
    sure, likely = count_bounded(bounds, level)
    reached, total, theta = torch.stack(
        (sure.sum(), likely.sum(), (crosscoder.threshold > 0).long())
    ).tolist()
    if not (theta and reached >= count and total <= MANY * count):
        return None
    first = begins(likely)
    latent, low, high = list_bounded(bounds, level, first, total=total)
    row = torch.repeat_interleave(torch.arange(n, device=x.device), likely, output_size=total)
    found = Pairs(first, row, latent, low, crosscoder.d_sae)
    least = low.nan_to_num(nan=0.0).topk(count, sorted=False).values.min()
    near = _exact(crosscoder, x, found.only(~(high < least * (1 - _SLACK))))
    return largest_of_batch(near, weights, count)


def _exact(crosscoder: Crosscoder, x: Tensor, pairs: Pairs) -> Pairs:
    """The same pairs with f in float32; 0 where that is not positive or not a number."""
    f = dot_rows(x, crosscoder.W_enc.detach(), pairs.latent, pairs.first)
    f += crosscoder.b_enc.detach()[pairs.latent]
    return replace(pairs, f=torch.where(f > 0, f, f.new_zeros(())))


def _bounds(crosscoder: Crosscoder, x: Tensor, weights: Tensor) -> Bounds:
    """Of every v."""
    mean = x.mean(dim=0)
    y = narrow_rows(x.contiguous(), less=mean, along=mean)
    w = narrow_rows(crosscoder.W_enc.detach(), less=torch.zeros_like(mean), along=mean)
    with _sums_in_float32():
        pre = y.rows @ w.rows.t()
    sums = _SUM * x.shape[1]
    still = crosscoder.b_enc.detach() + w.along
    off = sums * (mean.norm() * w.length + still.abs())
    of_length = (1 + _SLACK) * (y.error + sums * y.length)
    of_error = (1 + _SLACK) * (y.length + y.error)
    columns = torch.stack((weights, w.length, w.error, still, off))
    return Bounds(pre, columns, torch.stack((of_length, of_error)), _BFLOAT16)


@contextmanager
def _sums_in_float32() -> Iterator[None]:
    """Keep cuBLAS from adding parts of a product in bfloat16, which the bounds know nothing of."""
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_bf16_reduced_precision_reduction
    matmul.allow_bf16_reduced_precision_reduction = False
    try:
        yield
    finally:
        matmul.allow_bf16_reduced_precision_reduction = before
