"""Learning rate, λ, k and θ over the steps of a run: plain functions of the step."""

from dataclasses import dataclass, replace

from xc.train.config import TrainConfig


@dataclass(frozen=True)
class Schedule:
    """How long a run is and how its settings move. Steps count from 0."""

    steps: int
    """Steps of the run."""
    lr: float
    """Learning rate between warm-up and decay."""
    lr_warmup_steps: int
    """Steps of linear warm-up; step 0 has learning rate 0 then."""
    decay_from: int
    """First step of the linear decay to 0; equal to `steps` if there is none."""
    lr_decay: float
    """Fraction of a run that the decay takes."""
    l1_coeff: float
    """λ after its warm-up."""
    l1_warmup_steps: float
    """Steps of linear warm-up of λ."""
    k: int
    """k in the end."""
    k_start: int
    """k of step 0."""
    k_anneal_steps: int
    """Steps from `k_start` to `k`."""

    def lr_at(self, step: int) -> float:
        """Learning rate of a step: linear warm-up, constant, linear to 0 at `steps`."""
        up = min(1.0, step / self.lr_warmup_steps) if self.lr_warmup_steps else 1.0
        if step < self.decay_from:
            return self.lr * up
        return self.lr * up * (self.steps - step) / (self.steps - self.decay_from)

    def l1_coeff_at(self, step: int) -> float:
        """λ(t) = λ·min(1, t / warm-up)."""
        if step >= self.l1_warmup_steps:
            return self.l1_coeff
        return self.l1_coeff * step / self.l1_warmup_steps

    def k_at(self, step: int) -> int:
        """k, falling linearly from `k_start` to `k`, rounded, at least 1."""
        if step >= self.k_anneal_steps:
            return self.k
        left = 1 - step / self.k_anneal_steps
        return max(1, round(self.k + (self.k_start - self.k) * left))

    def wind_down(self, step: int) -> "Schedule":
        """End early: decay from `step` on, for the share of the run that a full one gives it.

        A run of s steps in all decays over a fraction p of them, so from `step` = (1 − p)·s.
        Without a decay the run ends at `step`. A run that decays already is left alone.
        """
        if step >= self.decay_from:
            return self
        steps = min(self.steps, round(step / (1 - self.lr_decay))) if self.lr_decay < 1 else step
        return replace(self, steps=max(steps, step), decay_from=step)


def schedule_of(config: TrainConfig, *, lr: float) -> Schedule:
    """The schedule that a configuration asks for."""
    steps = config.steps
    return Schedule(
        steps=steps,
        lr=lr,
        lr_warmup_steps=config.lr_warmup_steps,
        decay_from=steps - int(config.lr_decay * steps),
        lr_decay=config.lr_decay,
        l1_coeff=config.l1_coeff,
        l1_warmup_steps=config.l1_warmup * steps,
        k=config.k,
        k_start=config.k if config.k_start is None else config.k_start,
        k_anneal_steps=config.k_anneal_steps,
    )


def threshold_weight(updates: int, *, decay: float = 0.999) -> float:
    """Weight of the newest batch minimum in θ's moving average, after `updates` earlier ones.

    1 for the first batch, 9/(10 + t) for the next ones, 1 − decay (0.001) from about the 9000th on.
    So θ is usable from the first evaluation. The code of Minder et al. leaves θ at −1 for 1000
    steps, where inference is dense, and starts at that step's minimum with the full decay, which
    takes thousands of steps to follow; after some ten thousand steps both are the same average.
    """
    if updates == 0:
        return 1.0
    return max(1 - decay, 9 / (10 + updates))
