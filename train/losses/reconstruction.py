"""Reconstruction errors: how far x̂ is from x, per token, then averaged over tokens."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Reconstruction = Callable[[Tensor, Sequence[slice]], Tensor]
"""(residual x − x̂ [row, d_model of all sources], columns of each source) -> scalar."""


def squared(residual: Tensor, columns: Sequence[slice]) -> Tensor:
    """mean_t Σ_m ‖ε_t^m‖² (Kissane et al.)."""
    return residual.square().sum() / len(residual)


def norm(residual: Tensor, columns: Sequence[slice]) -> Tensor:
    """mean_t mean_m ‖ε_t^m‖, not squared (Minder et al., eq. 3)."""
    return torch.stack([residual[:, c].norm(dim=1).mean() for c in columns]).mean()


def mse(residual: Tensor, columns: Sequence[slice]) -> Tensor:
    """mean_t mean_m ‖ε_t^m‖² (the `use_mse_loss` of Minder et al.'s code)."""
    return squared(residual, columns) / len(columns)


RECONSTRUCTIONS: dict[str, Reconstruction] = {"squared": squared, "norm": norm, "mse": mse}
