"""The training loop that pre-training and distillation share; a killed run continues."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from xc.zoo.recipe import Recipe
from xc.zoo.windows import TokenizedCorpus, batches

LossFn = Callable[[Tensor, Tensor], Tensor]
"""(inputs, targets), both [window, position] -> the loss to minimise, a scalar."""


@dataclass(frozen=True)
class StepReport:
    """What one step did."""

    step: int
    """Steps done, this one included."""
    loss: float
    """The minimised loss on this step's batch."""
    seconds: float
    """Time spent training so far, earlier sittings included."""


@dataclass(frozen=True)
class Checkpointing:
    """Where and how often the state of a run is saved."""

    path: Path
    """File of the state."""
    every: int = 200
    """Steps between saves."""


def train(
    model: nn.Module,
    loss_fn: LossFn,
    corpus: TokenizedCorpus,
    recipe: Recipe,
    *,
    checkpointing: Checkpointing | None = None,
) -> Iterator[StepReport]:
    """Train in place, one report per step; starts from the saved state if there is one."""
    optimizer = _optimizer(model, recipe)
    done, seconds = _restore(checkpointing, model, optimizer)
    started = time.perf_counter() - seconds
    device = next(model.parameters()).device
    stream = batches(
        corpus,
        length=recipe.length,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        skip=done,
    )
    model.train()
    for step, batch in enumerate(islice(stream, recipe.steps - done), start=done):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate_at(step)
        loss = loss_fn(_tensor(batch.inputs, device), _tensor(batch.targets, device))
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        report = StepReport(step + 1, loss.item(), time.perf_counter() - started)
        if checkpointing is not None and report.step % checkpointing.every == 0:
            _save(checkpointing.path, model, optimizer, report)
        yield report


def _tensor(ids: "np.ndarray[Any, np.dtype[np.int64]]", device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(ids)).to(device)


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=recipe.learning_rate, betas=(0.9, recipe.beta_2), fused=True
    )


def _save(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, report: StepReport
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".partial")
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": report.step,
        "seconds": report.seconds,
    }
    torch.save(state, aside)
    aside.replace(path)


def _restore(
    checkpointing: Checkpointing | None, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    if checkpointing is None or not checkpointing.path.exists():
        return 0, 0.0
    state = torch.load(checkpointing.path, weights_only=True, map_location="cpu")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["seconds"]
