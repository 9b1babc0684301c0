"""One training step on a batch in parts: of several processes, one after the other, or both.

The step is that of `step.take_step` on the whole batch, up to the order of summation: BatchTopK
selects, latents count as dead, and the dead-latent loss sees its variance, over all parts at once.

A process with several parts goes through them more than once where it must: first for what may be
selected; then, if latents may be dead, for what fired and how the residual spreads; last with
gradients.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from xc.train.activation_fns.batch_topk import above
from xc.train.activation_fns.kinds import Select, Selection
from xc.train.config import TrainConfig
from xc.train.crosscoder import Crosscoder
from xc.train.distributed import Processes
from xc.train.forward import Pass, dense
from xc.train.losses import Spread
from xc.train.passes import SelectingPass, selecting_pass
from xc.train.select_together import select_together, selecting
from xc.train.state import TrainState
from xc.train.step import (
    Settings,
    StepReport,
    loss_parts,
    move_threshold,
    update,
    weighted,
)


@dataclass(frozen=True)
class Parts:
    """How batches are cut."""

    processes: Processes
    number: int
    """Parts of each process."""
    forward: SelectingPass

    @classmethod
    def of(
        cls, config: TrainConfig, crosscoder: Crosscoder, processes: Processes
    ) -> "Parts | None":
        """The parts of a settled configuration; None if a batch is taken whole."""
        number = config.grad_accumulation
        if number == processes.size == 1:
            return None
        return cls(processes, number, _forward(config, crosscoder))

    @property
    def in_all(self) -> int:
        """Parts of a batch."""
        return self.number * self.processes.size


def _forward(config: TrainConfig, crosscoder: Crosscoder) -> SelectingPass:
    if config.matryoshka:
        return partial(dense, prefixes=config.matryoshka)
    if crosscoder.activation.select is None or crosscoder.decoupled:
        return dense
    k, device = max(config.k, config.k_start or 0), crosscoder.b_dec.device
    return selecting_pass(device, d_sae=crosscoder.d_sae, k=k)


class _Forward:
    """Forward passes of this process' parts, with what is selected of the whole batch."""

    def __init__(self, crosscoder: Crosscoder, blocks: Sequence[Tensor], k: int, parts: Parts):
        self._crosscoder, self._blocks, self._k, self._parts = crosscoder, blocks, k, parts
        self._selected: list[list[Selection]] | None = None
        if crosscoder.activation.uses_threshold and len(blocks) > 1:
            self._selected = _selected(crosscoder, blocks, k, parts.processes)

    def __call__(self, i: int) -> Pass:
        """The pass of part i."""
        select = self._select(i)
        return self._parts.forward(self._crosscoder, self._blocks[i], self._k, select=select)

    def _select(self, i: int) -> Select | None:
        if not self._crosscoder.activation.uses_threshold:
            return None
        if self._selected is None:
            return selecting(self._parts.processes)
        found = iter([of_source[i] for of_source in self._selected])
        return lambda *_: next(found)


@torch.no_grad()
def _selected(
    crosscoder: Crosscoder, blocks: Sequence[Tensor], k: int, processes: Processes
) -> list[list[Selection]]:
    """What is kept of each part, once for all sources or for each that selects for itself."""
    weights = crosscoder.code_weights()
    count = k * processes.size * sum(map(len, blocks))

    def keep(weight: Tensor, threshold: Tensor) -> list[Selection]:
        return select_together(
            lambda level: [above(crosscoder.pre_activations(b), weight, level) for b in blocks],
            count=count,
            threshold=float(threshold),
            processes=processes,
        )

    if not crosscoder.decoupled:
        return [keep(weights, crosscoder.threshold)]
    return [keep(*of) for of in zip(weights.unbind(dim=1), crosscoder.threshold, strict=True)]


def take_step_in_parts(
    state: TrainState, x: Tensor, settings: Settings, parts: Parts
) -> StepReport:
    """Train on one normalised batch, of which x [row, d_model of all sources] is this process'.

    Returns:
        The report of the whole batch; only `residual` is that of x.
    """
    crosscoder, group = state.crosscoder, parts.processes
    blocks = x.tensor_split(parts.number)
    forward = _Forward(crosscoder, blocks, state.schedule.k_at(state.step), parts)
    ahead = [forward(0)] if len(blocks) == 1 else None
    idle, spread = _look_ahead(state, blocks, forward, ahead, settings=settings, parts=parts)
    sums = _Sums(crosscoder)
    for i, block in enumerate(blocks):
        done = ahead.pop() if ahead else forward(i)
        residual = block - done.xhat
        terms = loss_parts(
            crosscoder, block, residual, done, settings=settings, idle=idle, spread=spread
        )
        loss = weighted(terms, state, settings) / parts.in_all
        torch.autograd.backward(loss)
        sums.add(done, residual, loss, terms, share=1 / parts.in_all)
    report = sums.over(group, lr=state.schedule.lr_at(state.step))
    if report.finite:
        gradients = [p.grad for p in crosscoder.parameters() if p.grad is not None]
        group.add(*gradients)
        update(state, lr=report.step.lr, clip_norm=settings.clip_norm)
        n = group.size * len(x)
        state.tokens_since_fired.copy_(torch.where(report.fired, 0, state.tokens_since_fired + n))
        move_threshold(crosscoder, report.smallest, updates=state.step)
        state.step += 1
    else:
        state.optimiser.zero_grad(set_to_none=True)
    return report.step


def _look_ahead(
    state: TrainState,
    blocks: Sequence[Tensor],
    forward: _Forward,
    ahead: Sequence[Pass] | None,
    *,
    settings: Settings,
    parts: Parts,
) -> tuple[Tensor, Spread | None]:
    """Tokens since each latent fired, this batch included, and how the residual spreads.

    Where no latent can be dead: no tokens, and no spread.

    The spread is a part's share of that of the batch: errors of the parts over it have for a mean
    the error of the batch over its spread.
    """
    n = parts.processes.size * sum(map(len, blocks))
    since = state.tokens_since_fired + n
    if settings.auxk_coeff == 0 or not bool((since >= settings.dead_after_tokens).any()):
        return torch.zeros_like(since), None
    fired = torch.zeros_like(since, dtype=torch.bool)
    residuals = []
    with torch.no_grad():
        for i, block in enumerate(blocks):
            done = ahead[i] if ahead else forward(i)
            fired |= done.fired
            residuals.append(block - done.xhat)
    fired = parts.processes.any(fired)
    spread = residual_spread(residuals, parts.processes)
    return torch.where(fired, 0, since), spread.over(parts.in_all).to(residuals[0].dtype)


def residual_spread(blocks: Sequence[Tensor], processes: Processes) -> Spread:
    """How the rows of all blocks of all processes are spread, float64."""
    about_mean, mean, n = _moments(blocks, processes)
    return Spread(about_mean, about_mean + n * mean.square())


def column_spread(blocks: Sequence[Tensor], processes: Processes) -> Tensor:
    """Σ (x − μ)² of each column over the rows of all blocks of all processes, float64 [column]."""
    return _moments(blocks, processes)[0]


@torch.no_grad()
def _moments(blocks: Sequence[Tensor], processes: Processes) -> tuple[Tensor, Tensor, int]:
    """Σ (x − μ)² and μ of each column over all rows, float64, and their number."""
    total = torch.stack([b.sum(dim=0, dtype=torch.float64) for b in blocks]).sum(dim=0)
    processes.add(total)
    n = processes.size * sum(map(len, blocks))
    mean = total / n
    squares = [(b.double() - mean).square().sum(dim=0) for b in blocks]
    spread = torch.stack(squares).sum(dim=0)
    processes.add(spread)
    return spread, mean, n


@dataclass(frozen=True)
class _Whole:
    """What a step comes to, all parts taken together."""

    step: StepReport
    finite: bool
    fired: Tensor
    smallest: float | tuple[float, ...]


class _Sums:
    """Adds up what the parts of this process, then those of all, come to."""

    def __init__(self, crosscoder: Crosscoder) -> None:
        device = crosscoder.b_dec.device
        self._fired = torch.zeros(crosscoder.d_sae, dtype=torch.bool, device=device)
        self._smallest: Tensor | None = None
        self._residuals: list[Tensor] = []
        self._names: tuple[str, ...] = ()
        self._numbers: Tensor = torch.zeros(())

    def add(
        self, done: Pass, residual: Tensor, loss: Tensor, terms: dict[str, Tensor], *, share: float
    ) -> None:
        """Take a part: its share of the loss, and its terms."""
        self._fired |= done.fired
        least = torch.as_tensor(done.smallest, dtype=torch.float64)
        least = torch.where(least > 0, least, torch.inf)
        self._smallest = least if self._smallest is None else self._smallest.minimum(least)
        self._residuals.append(residual.detach())
        self._names = tuple(terms)
        each = [float(t.detach()) * share for t in terms.values()]
        numbers = [float(loss.detach()), float(done.active), *each]
        self._numbers = self._numbers + torch.tensor(numbers, dtype=torch.float64)

    def over(self, processes: Processes, *, lr: float) -> _Whole:
        """The sums over all processes."""
        processes.add(self._numbers)
        loss, active, *terms = self._numbers.tolist()
        report = StepReport(
            loss=loss,
            parts={name: torch.tensor(t) for name, t in zip(self._names, terms, strict=True)},
            residual=torch.cat(self._residuals),
            active=round(active),
            lr=lr,
        )
        least = torch.zeros(()) if self._smallest is None else processes.least(self._smallest)
        least = torch.where(least.isinf(), 0.0, least)
        smallest = tuple(least.tolist()) if least.dim() else float(least)
        return _Whole(report, math.isfinite(loss), processes.any(self._fired), smallest)
