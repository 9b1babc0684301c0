"""What may go wrong in a run that still trains: each guard warns once, in one line with advice.

A guard looks at what a validation found. What was warned of, and the best fve so far, are read back
from the training curve, so that a run that goes on warns as one that was never stopped.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xc.train.figures import source_names

MOSTLY_DEAD = 0.5
"""Share of dead latents above which a dictionary is mostly wasted."""
DRIFT = 0.25
"""Share of the latents per row that training keeps by which those of inference may differ."""
FALL = 0.05
"""Loss of validation fve, from the best so far, that is no noise."""
SETTLED_STEPS = 100
SETTLED_PART = 0.1
"""Steps, and part of a run, in which many latents die and revive and θ, a moving average, lags."""

_PREFIX = "warning/"
_FVE = "val/fve_"


@dataclass(frozen=True)
class Outlook:
    """A run at a validation."""

    step: int
    settled_from: int
    """Step from which the turmoil of the start is no excuse."""
    dead_fraction: float
    """Share of latents that count as dead in training."""
    l0: float
    """Latents per held-out row at the threshold of inference."""
    batch_l0: float | None
    """The same as training selects them; None where both let the same through."""
    fve: Sequence[float]
    """Validation fve per source."""
    best_fve: Sequence[float]
    """Best fve of each source before; empty at the first validation."""
    lr: float
    """Learning rate that was asked for."""
    usual_lr: float
    """That of a plain run of this size."""


Guard = Callable[[Outlook], str | None]
"""What to say, or None where all is well."""


def dead_latents(now: Outlook) -> str | None:
    """More than half of the dictionary is dead."""
    if now.dead_fraction <= MOSTLY_DEAD or now.step < now.settled_from:
        return None
    return (
        f"{now.dead_fraction:.0%} of the latents are dead at step {now.step}; try a lower lr, "
        "fewer latents (d_sae), or a larger k or smaller l1_coeff; auxk_coeff revives latents"
    )


def l0_drift(now: Outlook) -> str | None:
    """θ lets through clearly more or fewer latents than training keeps."""
    if now.batch_l0 is None or now.step < now.settled_from:
        return None
    if abs(now.l0 - now.batch_l0) <= DRIFT * now.batch_l0:
        return None
    return (
        f"l0 of held-out rows at the threshold is {now.l0:.3g} at step {now.step}, where training "
        f"keeps {now.batch_l0:.3g}; evaluation counts at the threshold: try a larger batch_size or "
        "more steps at a constant k, which steady it"
    )


def fve_fell(now: Outlook) -> str | None:
    """A source is reconstructed clearly worse than it was."""
    falls = [best - fve for fve, best in zip(now.fve, now.best_fve, strict=False)]
    if not falls or max(falls) <= FALL:
        return None
    worst = falls.index(max(falls))
    return (
        f"validation fve fell from {now.best_fve[worst]:.3f} to {now.fve[worst]:.3f} (source "
        f"{_letter(worst)}) by step {now.step}; if it does not recover, start again with "
        "--no-resume and a lower lr or clip_norm"
    )


def fve_negative(now: Outlook) -> str | None:
    """A source is reconstructed worse than by the mean of its rows."""
    if min(now.fve) >= 0 or now.step < now.settled_from:
        return None
    worst = min(range(len(now.fve)), key=now.fve.__getitem__)
    usual = f"a plain run of this size takes {now.usual_lr:.2g}"
    advice = (
        f"lr {now.lr:.2g} is low for so few steps, like that of presets for many more ({usual}): "
        "try a higher one, or more tokens"
        if now.lr < now.usual_lr
        else f"try a lower lr than {now.lr:.2g} ({usual}), or more tokens"
    )
    return (
        f"validation fve is {now.fve[worst]:.3f} (source {_letter(worst)}) at step {now.step}, "
        f"worse than the mean row alone; {advice}"
    )


def _letter(source: int) -> str:
    return source_names(source + 1)[source].upper()


GUARDS: dict[str, Guard] = {
    "dead_latents": dead_latents,
    "l0_drift": l0_drift,
    "fve_fell": fve_fell,
    "fve_negative": fve_negative,
}


def settled_from(*, steps: int, k_anneal_steps: int) -> int:
    """The step from which a run should have settled: after its start, and after k stopped falling.

    A run that is too short for that is looked at from its last step on.
    """
    start = max(SETTLED_STEPS, int(SETTLED_PART * steps))
    return min(steps, k_anneal_steps + start)


class Guards:
    """The guards of one run: which have spoken, and the best fve they compare with."""

    def __init__(self, curve: Iterable[Mapping[str, Any]] = ()) -> None:
        """Take up where the lines of a curve end."""
        self._given: set[str] = set()
        self.best_fve: tuple[float, ...] = ()
        for line in curve:
            self._given |= {k.removeprefix(_PREFIX) for k in line if k.startswith(_PREFIX)}
            self._remember([v for k, v in line.items() if k.startswith(_FVE)])

    def look(self, now: Outlook) -> dict[str, str]:
        """Warnings that are new, by their key in the training curve."""
        self._remember(now.fve)
        said = {name: guard(now) for name, guard in GUARDS.items() if name not in self._given}
        new = {name: text for name, text in said.items() if text is not None}
        self._given |= set(new)
        return {_PREFIX + name: text for name, text in new.items()}

    def _remember(self, fve: Sequence[float]) -> None:
        if fve:
            before = self.best_fve or fve
            self.best_fve = tuple(map(max, fve, before))
