"""One training step: forward pass, loss, gradient, clipping, Adam, θ and the dead counters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xc.train.config import TrainConfig
from xc.train.crosscoder import Crosscoder
from xc.train.forward import ForwardPass, Pass
from xc.train.losses import RECONSTRUCTIONS, Spread, auxk, penalty, tanh_penalty
from xc.train.schedules import threshold_weight
from xc.train.state import TrainState


@dataclass(frozen=True)
class Settings:
    """What stays the same over all steps of a run."""

    forward: ForwardPass
    reconstruction: str
    penalised: bool
    """Whether the loss has a penalty on the code."""
    auxk_coeff: float
    auxk_k: int
    dead_after_tokens: int
    clip_norm: float | None
    source_weights: tuple[float, ...] = ()
    """Of each source's reconstruction error; (): ones."""
    tanh_scale: float | None = None
    """c of the tanh penalty; None: the penalty is linear."""
    sums_prefixes: bool = False
    """Whether errors of prefixes are added up; else averaged."""

    @classmethod
    def of(cls, config: TrainConfig, *, forward: ForwardPass, widths: Sequence[int]) -> "Settings":
        """The settings of a configuration."""
        return cls(
            forward=forward,
            reconstruction=config.reconstruction,
            penalised=config.sparsity in ("l1", "jumprelu"),
            auxk_coeff=config.auxk_coeff,
            auxk_k=config.auxk_k or max(1, max(widths) // 2),
            dead_after_tokens=config.dead_after_tokens or default_dead_after(config),
            clip_norm=config.clip_norm,
            source_weights=config.source_weights,
            tanh_scale=config.tanh_scale if config.sparsity == "jumprelu" else None,
            sums_prefixes=config.matryoshka_reduction == "sum",
        )


def default_dead_after(config: TrainConfig) -> int:
    """A twentieth of the run's tokens, at most 10 million, at least two batches."""
    return max(2 * config.batch_size, min(10_000_000, config.tokens // 20))


@dataclass(frozen=True)
class StepReport:
    """What a step did. Tensors are detached."""

    loss: float
    parts: dict[str, Tensor]
    """Terms of the loss, unweighted: reconstruction, and penalty or auxk."""
    residual: Tensor
    """x − x̂ before the update [row, d_model of all sources]."""
    active: int
    """Number of f > 0 in the batch."""
    lr: float


def take_step(state: TrainState, x: Tensor, settings: Settings) -> StepReport:
    """Train on one normalised batch x [row, d_model of all sources]; `state` moves on in place.

    The caller checks that the loss is finite: where it is not, weights, θ and counters are left as
    they were.
    """
    crosscoder, schedule = state.crosscoder, state.schedule
    done = settings.forward(crosscoder, x, schedule.k_at(state.step))
    residual = x - done.xhat
    idle = torch.where(done.fired, 0, state.tokens_since_fired + len(x))
    parts = loss_parts(crosscoder, x, residual, done, settings=settings, idle=idle)
    loss = weighted(parts, state, settings)
    lr = schedule.lr_at(state.step)
    report = StepReport(
        loss=float(loss.detach()),
        parts={name: part.detach() for name, part in parts.items()},
        residual=residual.detach(),
        active=done.active,
        lr=lr,
    )
    if torch.isfinite(loss):
        torch.autograd.backward(loss)
        update(state, lr=lr, clip_norm=settings.clip_norm)
        state.tokens_since_fired.copy_(idle)
        move_threshold(crosscoder, done.smallest, updates=state.step)
        state.step += 1
    return report


def weighted(parts: Mapping[str, Tensor], state: TrainState, settings: Settings) -> Tensor:
    """The loss of the next step from its terms by name."""
    weights = {
        "reconstruction": 1.0,
        "penalty": state.schedule.l1_coeff_at(state.step),
        "auxk": settings.auxk_coeff,
    }
    return torch.stack([weights[name] * part for name, part in parts.items()]).sum()


def loss_parts(
    crosscoder: Crosscoder,
    x: Tensor,
    residual: Tensor,
    done: Pass,
    *,
    settings: Settings,
    idle: Tensor,
    spread: Spread | None = None,
) -> dict[str, Tensor]:
    """The terms of the loss by name, with their gradients.

    Args:
        crosscoder: what is trained.
        x: normalised batch [row, d_model of all sources].
        residual: x − x̂, with gradient.
        done: the forward pass.
        settings: of the run.
        idle: tokens since each latent fired, this batch included [latent].
        spread: of the residuals of the batch, where it has more rows than x.
    """
    residuals = [*(x - xhat for xhat in done.prefixes), residual]
    parts = {"reconstruction": reconstruction_of(crosscoder, residuals, settings)}
    if settings.penalised:
        parts["penalty"] = penalty_of(crosscoder, done, settings)
    if settings.auxk_coeff > 0:
        dead = torch.nonzero(idle >= settings.dead_after_tokens).squeeze(1)
        parts["auxk"] = (
            auxk(
                crosscoder,
                x,
                residual,
                dead=dead,
                k=settings.auxk_k,
                source_weights=settings.source_weights,
                spread=spread,
            )
            if len(dead)
            else residual.new_zeros(())
        )
    return parts


def reconstruction_of(
    crosscoder: Crosscoder, residuals: Sequence[Tensor], settings: Settings
) -> Tensor:
    """The reconstruction error; of several (prefixes, then the whole), their mean or sum."""
    error = RECONSTRUCTIONS[settings.reconstruction]
    each = [error(r, crosscoder.columns, settings.source_weights) for r in residuals]
    if len(each) == 1:
        return each[0]
    stacked = torch.stack(each)
    return stacked.sum() if settings.sums_prefixes else stacked.mean()


def penalty_of(crosscoder: Crosscoder, done: Pass, settings: Settings) -> Tensor:
    """The penalty on the code, each latent with the factor of its group."""
    weights, partition = crosscoder.code_weights(), crosscoder.partition
    if settings.tanh_scale is None or done.f is None:
        return penalty(done.f_mean, partition.penalised(weights))
    factors = partition.penalised(torch.ones_like(weights))
    return tanh_penalty(done.f, weights, factors, scale=settings.tanh_scale)


def update(state: TrainState, *, lr: float, clip_norm: float | None) -> None:
    """Clip the gradient to a global norm, let Adam move, forget the gradient."""
    crosscoder = state.crosscoder
    crosscoder.partition.project(crosscoder.W_enc.grad, crosscoder.W_dec.grad)
    if clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(crosscoder.parameters(), clip_norm)
    for group in state.optimiser.param_groups:
        group["lr"] = lr
    state.optimiser.step()
    crosscoder.partition.tie(crosscoder.W_dec)
    state.optimiser.zero_grad(set_to_none=True)


@torch.no_grad()
def move_threshold(
    crosscoder: Crosscoder, smallest: float | Sequence[float], *, updates: int
) -> None:
    """Bring the θ of inference up to date.

    It follows the batches' least kept v, an exponential moving average that starts at once; where θ
    is a parameter, it is that.
    """
    if crosscoder.activation.uses_threshold:
        weight, theta = threshold_weight(updates), crosscoder.threshold
        theta.mul_(1 - weight).add_(weight * torch.as_tensor(smallest).to(theta))
    if crosscoder.log_threshold is not None:
        crosscoder.threshold.copy_(crosscoder.log_threshold.exp())
