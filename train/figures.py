"""Figures for the training curve: fve per source and pooled, l0, from sums in float64."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xc.train.crosscoder import Crosscoder
from xc.train.state import TrainState
from xc.train.step import StepReport

_BLOCK = 2048


def source_names(n: int) -> list[str]:
    """Suffixes a, b, c, … of per-source figures."""
    return [chr(ord("a") + i) if i < 26 else str(i) for i in range(n)]


@dataclass(frozen=True)
class Fve:
    """Fraction of variance explained: 1 − Σ‖x − x̂‖² / Σ‖x − μ‖², μ the mean over the same rows."""

    errors: list[float]
    """Σ‖x − x̂‖² per source."""
    spreads: list[float]
    """Σ‖x − μ‖² per source."""

    @property
    def per_source(self) -> list[float]:
        """fve of each source; 0 for one that does not vary."""
        return [_fve(e, s) for e, s in zip(self.errors, self.spreads, strict=True)]

    @property
    def pooled(self) -> float:
        """fve of all sources after each source's normalisation."""
        return _fve(sum(self.errors), sum(self.spreads))

    def named(self, prefix: str) -> dict[str, float]:
        """Values for the training curve."""
        values = zip(source_names(len(self.errors)), self.per_source, strict=True)
        return {
            f"{prefix}/fve": self.pooled,
            **{f"{prefix}/fve_{name}": v for name, v in values},
        }


def _fve(error: float, spread: float) -> float:
    return 1 - error / spread if spread > 0 else 0.0


@torch.no_grad()
def fve_of(x: Tensor, residual: Tensor, columns: Sequence[slice]) -> Fve:
    """Fve of one batch x [row, d_model of all sources] with residual x − x̂."""
    spread = (x.double() - x.mean(dim=0, dtype=torch.float64)).square().sum(dim=0)
    return Fve(*_by_source(residual.double().square().sum(dim=0), spread, columns))


def _by_source(
    error: Tensor, spread: Tensor, columns: Sequence[slice]
) -> tuple[list[float], list[float]]:
    return [float(error[c].sum()) for c in columns], [float(spread[c].sum()) for c in columns]


def train_line(
    state: TrainState, x: Tensor, report: StepReport, *, dead_after: int
) -> dict[str, float]:
    """What metrics.jsonl says of a training step."""
    dead = (state.tokens_since_fired >= dead_after).double().mean()
    return {
        "lr": report.lr,
        "train/loss": report.loss,
        **{f"train/{name}": float(part) for name, part in report.parts.items()},
        "train/l0": report.active / len(x),
        **fve_of(x, report.residual, state.crosscoder.columns).named("train"),
        "train/dead_fraction": float(dead),
        "train/threshold": float(state.crosscoder.threshold),
    }


@dataclass(frozen=True)
class Validation:
    """Held-out rows through the crosscoder by the rule of inference."""

    fve: Fve
    l0: float
    """Latents with f > 0 per row."""

    def line(self) -> dict[str, float]:
        """What metrics.jsonl says of it."""
        return {"val/l0": self.l0, **self.fve.named("val")}


@torch.no_grad()
def validate(crosscoder: Crosscoder, x: Tensor) -> Validation:
    """Measure on normalised rows x [row, d_model of all sources]; changes nothing."""
    mean = x.mean(dim=0, dtype=torch.float64)
    error = torch.zeros_like(mean)
    spread = torch.zeros_like(mean)
    active = 0
    for start in range(0, len(x), _BLOCK):
        block = x[start : start + _BLOCK]
        f = crosscoder.encode_joined(block)
        active += int(torch.count_nonzero(f))
        error += (block - crosscoder.decode_joined(f)).double().square().sum(dim=0)
        spread += (block.double() - mean).square().sum(dim=0)
    return Validation(Fve(*_by_source(error, spread, crosscoder.columns)), active / len(x))
