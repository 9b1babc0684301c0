"""What a training run of the zoo is given: one value, for pre-training as for distillation."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Sizes, rates and seed of a training run."""

    tokens: int
    """Positions to train on in all; the run takes ceil(tokens / (batch_size * length)) steps."""
    batch_size: int = 16
    """Windows per step."""
    length: int = 256
    """Positions per window, BOS included."""
    learning_rate: float = 3e-3
    """Peak of the schedule."""
    final_share: float = 0.03
    """Learning rate of the last step as a share of the peak."""
    warmup_share: float = 0.03
    """Share of the steps over which the learning rate rises linearly."""
    weight_decay: float = 0.1
    """AdamW's, on matrices only."""
    beta_2: float = 0.98
    """AdamW's second-moment decay; below the usual 0.999 because the run is short."""
    clip_norm: float = 1.0
    """Largest norm of the gradient."""
    seed: int = 0
    """Seed of the initial weights and of the order of the windows."""

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return math.ceil(self.tokens / (self.batch_size * self.length))

    def learning_rate_at(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to `final_share` of the peak."""
        warmup = max(1, round(self.warmup_share * self.steps))
        if step < warmup:
            return self.learning_rate * (step + 1) / warmup
        done = (step - warmup) / max(1, self.steps - warmup)
        cosine = 0.5 * (1 + math.cos(math.pi * done))
        return self.learning_rate * (self.final_share + (1 - self.final_share) * cosine)
