"""What training keeps of a batch, found on its device without sorting [row, latent] and exact.

The sets are those of `activation_fns`: the largest positive v = f·s, and among equal ones those of
the lower index. Values that reach a level are listed first; then the surplus is left out. The level
of a batch is one that θ suggests, if enough values reach it and not too many; else it is the least
kept value, which torch's radix selection finds in a few passes over v. So θ says only how fast the
set is found.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from xc.train.activation_fns.batch_topk import BATCH_TOPK, NEAR
from xc.train.activation_fns.topk import TOPK
from xc.train.gpu.launch import begins, count_reaching, list_reaching
from xc.train.gpu.pairs import Pairs

MANY = 4
"""Values per kept one from which a level is too low: lists of them would take too much memory."""

Find = Callable[[Tensor, Tensor, int, Tensor], Pairs]
"""(pre-activations [row, latent], s [latent], latents per row, θ so far) -> what is kept."""


def batch_topk(pre: Tensor, weights: Tensor, k: int, threshold: Tensor) -> Pairs:
    """The k·n largest of the batch."""
    count = min(k * len(pre), pre.numel())
    level = NEAR * threshold
    counts, total = _count(pre, weights, level)
    if not count <= total <= MANY * count:
        level = _values(pre, weights).flatten().topk(count, sorted=False).values.min()
        counts, total = _count(pre, weights, level)
    return largest_of_batch(_list(pre, weights, level, counts, total), weights, count)


def largest_of_batch(found: Pairs, weights: Tensor, count: int) -> Pairs:
    """Of positive values: the `count` largest v, and among equal ones the first."""
    if len(found) <= count:
        return found
    v = found.f * weights[found.latent]
    least = v.topk(count, sorted=False).values.min()
    whole = torch.stack((found.first[0], found.first[-1]))
    return found.only(_largest(v, least[None], count, whole, torch.zeros_like(found.row)))


def topk(pre: Tensor, weights: Tensor, k: int, threshold: Tensor) -> Pairs:
    """The k largest of each row."""
    most = min(k, pre.shape[1])
    level = _values(pre, weights).topk(most, dim=1, sorted=False).values.amin(dim=1)
    counts, total = _count(pre, weights, level)
    found = _list(pre, weights, level, counts, total)
    if not bool((counts > k).any()):
        return found
    v = found.f * weights[found.latent]
    return found.only(_largest(v, level, k, found.first, found.row))


SELECT: dict[str, Find] = {BATCH_TOPK.name: batch_topk, TOPK.name: topk}
"""By name of the activation function."""


def _values(pre: Tensor, weights: Tensor) -> Tensor:
    """v [row, latent], 0 where it is not positive or not a number."""
    v = pre * weights
    return torch.where(v > 0, v, v.new_zeros(()))


def _count(pre: Tensor, weights: Tensor, level: Tensor) -> tuple[Tensor, int]:
    """How many v reach a level, or their row's: in each row, and in all."""
    counts = count_reaching(pre, weights, _by_row(level, pre))
    return counts, int(counts.sum())


def _list(pre: Tensor, weights: Tensor, level: Tensor, counts: Tensor, total: int) -> Pairs:
    """The pairs that were counted."""
    first, each = begins(counts), torch.arange(len(pre), device=pre.device)
    latent, f = list_reaching(pre, weights, _by_row(level, pre), first, total=total)
    row = torch.repeat_interleave(each, counts, output_size=total)
    return Pairs(first, row, latent, f, pre.shape[1])


def _by_row(level: Tensor, pre: Tensor) -> Tensor:
    return level.to(pre.dtype).expand(len(pre)).contiguous()


def _largest(v: Tensor, least: Tensor, count: int, first: Tensor, segment: Tensor) -> Tensor:
    """Mask of the `count` largest v of each segment; among equal ones the first.

    Args:
        v: of pairs that come by segment [pair].
        least: the `count`-th largest of each [segment]; 0 where there are fewer.
        count: of each segment.
        first: where each begins, and the last one ends, int64 [segment + 1].
        segment: int64 [pair].
    """
    above, tied = v > least[segment], v == least[segment]
    above_before, tied_before = begins(above), begins(tied)
    room = count - above_before[first].diff()
    rank = tied_before[1:] - tied_before[first[:-1]][segment]
    return above | (tied & (rank <= room[segment]))
