"""What an activation function has to say of itself."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Selection:
    """What training keeps of a batch of pre-activations [row, latent]."""

    flat: np.ndarray
    """int64 [pair], ascending: row·d_sae + latent."""
    v: np.ndarray
    """f·Σ‖d‖ of each pair [pair], positive."""


Infer = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(f after ReLU [row, latent], norm_sum [latent], θ) -> f that inference lets through."""

Select = Callable[[Tensor, Tensor, int, Tensor], Selection]
"""(pre-activations [row, latent], norm_sum [latent], latents per row, θ so far) -> what is kept."""


@dataclass(frozen=True)
class ActivationFn:
    """One activation function: its rule of inference and, where it selects, that of training."""

    name: str
    infer: Infer
    select: Select | None
    """None: training lets all of f through."""

    @property
    def uses_threshold(self) -> bool:
        """Whether inference compares v with a θ learnt in training."""
        return self.select is not None
