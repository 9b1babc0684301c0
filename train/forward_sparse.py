"""The training pass without dense arrays after the encoder: only kept (row, latent) pairs are used.

One dense product gives the pre-activations. From there on the decoder reads one row of W_dec per
kept pair, and the gradients of both weight matrices are sums over each latent's kept rows. Result
and gradients are those of `forward.dense` up to the order of summation.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from xc.train.crosscoder import Crosscoder
from xc.train.forward import Pass, least_value


@dataclass(frozen=True)
class Pairs:
    """The kept pairs of a batch, by row."""

    row: Tensor
    """int64 [pair], ascending."""
    latent: Tensor
    """int64 [pair], ascending within a row."""
    f: Tensor
    """Activation [pair]."""
    n_rows: int
    d_sae: int


def sparse(crosscoder: Crosscoder, x: Tensor, k: int) -> Pass:
    """Encode densely, select, decode sparsely. For activation functions that select."""
    with torch.no_grad():
        pairs, norm_sum = _encode(crosscoder, x, k)
        sums = torch.zeros_like(crosscoder.b_enc).index_add_(0, pairs.latent, pairs.f)
    weights = (crosscoder.W_enc, crosscoder.b_enc, crosscoder.W_dec, crosscoder.b_dec)
    xhat: Tensor = _Decode.apply(x, *weights, pairs)  # type: ignore[no-untyped-call]
    return Pass(
        xhat=xhat,
        f_mean=sums / len(x),
        fired=sums > 0,
        active=torch.tensor(len(pairs.f)),
        smallest=least_value(pairs.f, norm_sum[pairs.latent]),
    )


def _encode(crosscoder: Crosscoder, x: Tensor, k: int) -> tuple[Pairs, Tensor]:
    select = crosscoder.activation.select
    if select is None:
        raise TypeError(f"{crosscoder.activation.name} selects nothing; use the dense pass")
    norm_sum = crosscoder.norm_sum()
    pre = crosscoder.pre_activations(x)
    kept = select(pre, norm_sum, k, crosscoder.threshold)
    d_sae = crosscoder.d_sae
    row = torch.div(kept, d_sae, rounding_mode="floor")
    return Pairs(row, kept - row * d_sae, pre.flatten()[kept], len(x), d_sae), norm_sum


class _Decode(torch.autograd.Function):
    """x̂ from kept pairs, with the gradient of encoder and decoder."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Tensor:
        x, _, _, W_dec, b_dec, pairs = inputs
        ctx.save_for_backward(x, W_dec)
        ctx.pairs = pairs
        return _sum_rows(W_dec, pairs.latent, pairs.f, pairs.row, pairs.n_rows).add_(b_dec)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = grads
        x, W_dec = ctx.saved_tensors
        pairs: Pairs = ctx.pairs
        df = _dot_rows(g, W_dec, pairs)
        latent, order = torch.sort(pairs.latent, stable=True)
        row = pairs.row[order]
        dW_dec = _sum_rows(g, row, pairs.f[order], latent, pairs.d_sae)
        dW_enc = _sum_rows(x, row, df[order], latent, pairs.d_sae)
        db_enc = torch.zeros_like(W_dec[:, 0]).index_add_(0, pairs.latent, df)
        return None, dW_enc, db_enc, dW_dec, g.sum(dim=0), None


def _sum_rows(table: Tensor, index: Tensor, weight: Tensor, into: Tensor, n: int) -> Tensor:
    """[n, width]: row i is the sum of weight·table[index] over the entries with `into` = i.

    `into` ascends.
    """
    counts = torch.bincount(into, minlength=n)
    starts = torch.cumsum(counts, 0) - counts
    return embedding_bag(index, table, starts, mode="sum", per_sample_weights=weight)


def _dot_rows(g: Tensor, W_dec: Tensor, pairs: Pairs) -> Tensor:
    """⟨g[row], W_dec[latent]⟩ per pair: the gradient with respect to f."""
    weight = torch.zeros_like(pairs.f).requires_grad_()
    with torch.enable_grad():
        summed = _sum_rows(W_dec.detach(), pairs.latent, weight, pairs.row, pairs.n_rows)
    return torch.autograd.grad(summed, weight, g)[0]
