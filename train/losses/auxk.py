"""The dead-latent loss (AuxK): latents that no longer fire learn to explain what is left over.

After Gao et al. 2024, in the form of Minder et al.'s code: per token the k_aux dead latents of the
largest v reconstruct the residual r = x − x̂, without bias and without gradient to what is alive;
the error is divided by the variance of r. Rows that are all but equal leave a variance that is
rounding: there is nothing to explain then, and the loss is 0.

Latents of different sources (see `partition`) do so apart, each kind on the residual of the sources
that it writes to: one that is exclusive to a source sees nothing of the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xc.train.crosscoder import Crosscoder


@dataclass(frozen=True)
class Rows:
    """The weights of some latents."""

    W_enc: Tensor
    """[latent, d_model of all sources]."""
    b_enc: Tensor
    """[latent]."""
    W_dec: Tensor
    """[latent, d_model of all sources]."""
    weights: Tensor
    """s, without gradient [latent]; [latent, source] if decoupled."""


@dataclass(frozen=True)
class Spread:
    """How the residuals of a batch are spread."""

    about_mean: Tensor
    """Σ_t (r − r̄)² of each column [d_model of all sources]."""
    about_zero: Tensor
    """Σ_t r² of each column."""

    @classmethod
    def of(cls, residual: Tensor) -> "Spread":
        """That of these rows [row, d_model of all sources]."""
        mean = residual.mean(dim=0)
        about_mean = (residual - mean).square().sum(dim=0)
        return cls(about_mean, about_mean + len(residual) * mean.square())

    def over(self, n: int) -> "Spread":
        """An n-th of it."""
        return Spread(self.about_mean / n, self.about_zero / n)

    def to(self, dtype: torch.dtype) -> "Spread":
        """The same in another type."""
        return Spread(self.about_mean.to(dtype), self.about_zero.to(dtype))


Take = Callable[[Tensor], Rows]
"""Indices of latents -> their weights."""


def auxk(
    crosscoder: Crosscoder,
    x: Tensor,
    residual: Tensor,
    *,
    dead: Tensor,
    k: int,
    source_weights: Sequence[float] = (),
    spread: Spread | None = None,
    take: Take | None = None,
) -> Tensor:
    """mean_t ‖r − r̂‖² / mean_t ‖r − r̄‖², summed over kinds of latents; 0 with nothing to explain.

    Args:
        crosscoder: whose dead latents learn.
        x: normalised batch [row, d_model of all sources].
        residual: x − x̂ of the same batch; taken as a constant.
        dead: indices of the dead latents [dead], ascending; at least one.
        k: most dead latents per token, of each kind.
        source_weights: of each source's part of ‖·‖²; (): ones.
        spread: of the residuals, where the batch has more rows than x; None: of these.
        take: picks out the weights of latents; None: those of the crosscoder, with their gradient.
    """
    r = residual.detach()
    rows_of = take or _taker(crosscoder)
    importance = _importance(crosscoder, source_weights, like=r)
    whole = Spread.of(r) if spread is None else spread
    parts = [
        _unexplained(
            crosscoder, x, r, rows_of(latents), importance, spread=whole, sources=sources, k=k
        )
        for latents, sources in crosscoder.partition.by_sources(dead)
    ]
    return torch.stack(parts).sum()


def _taker(crosscoder: Crosscoder) -> Take:
    weights = crosscoder.code_weights().detach()

    def take(latents: Tensor) -> Rows:
        return Rows(
            W_enc=crosscoder.W_enc.index_select(0, latents),
            b_enc=crosscoder.b_enc.index_select(0, latents),
            W_dec=crosscoder.W_dec.index_select(0, latents),
            weights=weights[latents],
        )

    return take


def _importance(
    crosscoder: Crosscoder, source_weights: Sequence[float], *, like: Tensor
) -> Tensor | None:
    """The weight of each column [d_model of all sources]."""
    if not source_weights:
        return None
    each = torch.tensor(source_weights, dtype=like.dtype, device=like.device)
    return each.repeat_interleave(torch.tensor(crosscoder.widths, device=like.device))


def _unexplained(
    crosscoder: Crosscoder,
    x: Tensor,
    residual: Tensor,
    dead: Rows,
    importance: Tensor | None,
    *,
    spread: Spread,
    sources: tuple[int, ...],
    k: int,
) -> Tensor:
    """The loss of dead latents that write to the same sources."""
    joined = (residual, spread.about_mean[None], spread.about_zero[None])
    r, about_mean, about_zero = (_of_sources(crosscoder, t, sources) for t in joined)
    rhat = _explained(crosscoder, x, dead, sources=sources, k=k)
    error = (r - rhat).square()
    if importance is not None:
        columns = _of_sources(crosscoder, importance[None], sources)
        error, about_mean, about_zero = (t * columns for t in (error, about_mean, about_zero))
    whole = about_mean.sum()
    something = whole > torch.finfo(whole.dtype).eps * about_zero.sum()
    return torch.where(something, error.sum() / torch.where(something, whole, 1.0), 0.0)


def _explained(
    crosscoder: Crosscoder, x: Tensor, dead: Rows, *, sources: tuple[int, ...], k: int
) -> Tensor:
    """r̂ [row, d_model of the sources]: the k largest v of each row, without bias.

    Decoupled sources rank for themselves, as they do among all latents.
    """
    f = torch.relu(torch.nn.functional.linear(x, dead.W_enc, dead.b_enc))
    if not crosscoder.decoupled:
        return _largest(f, dead.weights, k) @ _of_sources(crosscoder, dead.W_dec, sources)
    columns = crosscoder.columns
    each = [_largest(f, dead.weights[:, i], k) @ dead.W_dec[:, columns[i]] for i in sources]
    return torch.cat(each, dim=1)


def _of_sources(crosscoder: Crosscoder, joined: Tensor, sources: tuple[int, ...]) -> Tensor:
    """The columns of some sources of [any, d_model of all sources]."""
    if len(sources) == len(crosscoder.columns):
        return joined
    return torch.cat([joined[:, crosscoder.columns[i]] for i in sources], dim=1)


def _largest(f: Tensor, weights: Tensor, k: int) -> Tensor:
    """f [row, dead] where v = f·s is among the k largest of its row, else 0."""
    if k >= f.shape[1]:
        return f
    v = f.detach() * weights
    return f * torch.zeros_like(f).scatter_(1, v.topk(k, dim=1).indices, 1.0)
