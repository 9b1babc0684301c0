"""The sparse pass on a CUDA device: as `forward_sparse`, with lists of pairs and sums in kernels.

The encoder's product is torch's, in the precision that torch is set to: float32 if nobody asked for
less. For BatchTopK it is one of bfloat16 that bounds all values; see `narrow`. Result and gradients
are those of `forward.dense` up to the order of summation, and the same bits each time.
"""

from typing import Any

import torch
from torch import Tensor

from xc.train.activation_fns.batch_topk import BATCH_TOPK
from xc.train.activation_fns.kinds import Select
from xc.train.crosscoder import Crosscoder
from xc.train.forward import Pass
from xc.train.gpu import narrow
from xc.train.gpu.launch import dot_rows, sum_each, sum_rows
from xc.train.gpu.pairs import Pairs, of_selection
from xc.train.gpu.selection import SELECT


def sparse(crosscoder: Crosscoder, x: Tensor, k: int, *, select: Select | None = None) -> Pass:
    """Encode densely, select, decode sparsely. For activation functions that select.

    Args:
        crosscoder: what is trained.
        x: normalised batch [row, d_model of all sources].
        k: latents per row.
        select: in place of the activation function's own, where the batch has more rows than x.
    """
    pairs, least = _encode(crosscoder, x, k, select)
    weights = (crosscoder.W_enc, crosscoder.b_enc, crosscoder.W_dec, crosscoder.b_dec)
    xhat: Tensor = _Decode.apply(x, *weights, pairs)  # type: ignore[no-untyped-call]
    by_latent = pairs.by_latent
    sums = sum_each(pairs.f[by_latent.order], by_latent.first)
    return Pass(
        xhat=xhat,
        f_mean=sums / max(1, len(x)),
        fired=by_latent.first.diff() > 0,
        active=len(pairs),
        smallest=least,
    )


@torch.no_grad()
def _encode(
    crosscoder: Crosscoder, x: Tensor, k: int, select: Select | None
) -> tuple[Pairs, float]:
    """The kept pairs, and the least v among them."""
    name = crosscoder.activation.name
    if name not in SELECT:
        raise TypeError(f"{name} selects nothing; use the dense pass")
    weights = crosscoder.code_weights()
    pairs = None
    if select is None and name == BATCH_TOPK.name and narrow.narrows(x.device, x.dtype):
        pairs = narrow.batch_topk(crosscoder, x, weights, k)
    if pairs is None:
        pairs = _wide(crosscoder, x, weights, k, select)
    return pairs, float((pairs.f * weights[pairs.latent]).min()) if len(pairs) else 0.0


def _wide(
    crosscoder: Crosscoder, x: Tensor, weights: Tensor, k: int, select: Select | None
) -> Pairs:
    """By the encoder's product as torch is set to compute it."""
    pre, theta = crosscoder.pre_activations(x), crosscoder.threshold
    if select is None:
        return SELECT[crosscoder.activation.name](pre, weights, k, theta)
    return of_selection(select(pre, weights, k, theta), pre)


class _Decode(torch.autograd.Function):
    """x̂ from kept pairs, with the gradient of encoder and decoder."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        x, _, _, W_dec, b_dec, pairs = inputs
        ctx.save_for_backward(x, W_dec)
        ctx.pairs = pairs
        return sum_rows(W_dec.detach(), pairs.latent, pairs.f, pairs.first).add_(b_dec)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = grads
        x, W_dec = ctx.saved_tensors
        pairs: Pairs = ctx.pairs
        turned = pairs.by_latent
        df = dot_rows(g, W_dec, pairs.latent, pairs.first)[turned.order]
        dW_dec = sum_rows(g, turned.row, pairs.f[turned.order], turned.first)
        dW_enc = sum_rows(x, turned.row, df, turned.first)
        return None, dW_enc, sum_each(df, turned.first), dW_dec, g.sum(dim=0), None
