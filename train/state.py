"""Everything that must survive a kill, in memory and on disk."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from xc.store_schema import DamageError, atomic_path, canonical_json
from xc.train.crosscoder import Crosscoder
from xc.train.schedules import Schedule
from xc.train.shuffle import StreamPosition

VERSION = 1
_TENSORS = "state.safetensors"
_VALUES = "state.json"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


@dataclass
class TrainState:
    """A run between two steps. Tensors change in place, the rest is replaced."""

    crosscoder: Crosscoder
    optimiser: torch.optim.Adam
    tokens_since_fired: Tensor
    """int64 [latent]: tokens since f > 0."""
    generator: torch.Generator
    """Of random numbers on the CPU."""
    schedule: Schedule
    step: int = 0
    """Steps taken."""
    position: StreamPosition = field(default_factory=StreamPosition)

    @property
    def finished(self) -> bool:
        """Whether all steps are taken."""
        return self.step >= self.schedule.steps


def new_state(crosscoder: Crosscoder, schedule: Schedule, generator: torch.Generator) -> TrainState:
    """The state before the first step."""
    return TrainState(
        crosscoder=crosscoder,
        optimiser=adam(crosscoder, lr=schedule.lr),
        tokens_since_fired=torch.zeros(
            crosscoder.d_sae, dtype=torch.int64, device=crosscoder.b_dec.device
        ),
        generator=generator,
        schedule=schedule,
    )


def adam(crosscoder: Crosscoder, *, lr: float) -> torch.optim.Adam:
    """Adam(0.9, 0.999), as all four recipes use it; one pass over the weights."""
    return torch.optim.Adam(crosscoder.parameters(), lr=lr, betas=(0.9, 0.999), fused=True)


def state_folder(folder: Path, step: int) -> Path:
    """Where the state after `step` steps lies."""
    return folder / f"step-{step:012d}"


def saved_steps(folder: Path) -> list[int]:
    """Steps of which a state lies in `folder`, ascending."""
    return sorted(int(p.name.removeprefix("step-")) for p in folder.glob("step-*"))


def save(state: TrainState, folder: Path, *, metrics_bytes: int, about: dict[str, Any]) -> None:
    """Write a state aside and rename it.

    Args:
        state: to save.
        folder: of all states of the run.
        metrics_bytes: length of metrics.jsonl at this step.
        about: what the state must match to be continued (fingerprint of the store).
    """
    values = {
        "schema_version": VERSION,
        "step": state.step,
        "position": asdict(state.position),
        "schedule": {"steps": state.schedule.steps, "decay_from": state.schedule.decay_from},
        "metrics_bytes": metrics_bytes,
        **about,
    }
    with atomic_path(state_folder(folder, state.step)) as aside:
        aside.mkdir()
        save_file(_tensors(state), aside / _TENSORS)
        (aside / _VALUES).write_text(canonical_json(values), encoding="utf-8")


def load_values(folder: Path, step: int) -> dict[str, Any]:
    """The JSON part of a saved state.

    Raises:
        DamageError: if it cannot be read.
    """
    path = state_folder(folder, step) / _VALUES
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DamageError(f"{path}: unreadable ({error}); {_advice(folder, step)}") from error


def restore(state: TrainState, folder: Path, step: int) -> None:
    """Fill a new state of the same configuration from a saved one.

    Raises:
        DamageError: if the saved state cannot be read.
    """
    values = load_values(folder, step)
    path = state_folder(folder, step) / _TENSORS
    try:
        tensors = load_file(path)
        _fill(state, tensors)
    except (SafetensorError, OSError, KeyError, RuntimeError) as error:
        raise DamageError(f"{path}: unreadable ({error}); {_advice(folder, step)}") from error
    state.step = values["step"]
    state.position = StreamPosition(**values["position"])
    state.schedule = replace(state.schedule, **values["schedule"])


def _advice(folder: Path, step: int) -> str:
    return f"delete {state_folder(folder, step)} to go on from the state before it"


def _tensors(state: TrainState) -> dict[str, Tensor]:
    named = {f"crosscoder.{n}": t for n, t in state.crosscoder.state_dict().items()}
    named["tokens_since_fired"] = state.tokens_since_fired
    named["generator"] = state.generator.get_state()
    for name, parameter in state.crosscoder.named_parameters():
        for moment in _MOMENTS:
            named[f"adam.{name}.{moment}"] = state.optimiser.state[parameter][moment]
    return {name: t.detach().contiguous().cpu() for name, t in named.items()}


def _fill(state: TrainState, tensors: dict[str, Tensor]) -> None:
    weights = {n: tensors[f"crosscoder.{n}"] for n in state.crosscoder.state_dict()}
    state.crosscoder.load_state_dict(weights)
    state.tokens_since_fired.copy_(tensors["tokens_since_fired"])
    state.generator.set_state(tensors["generator"])
    for name, parameter in state.crosscoder.named_parameters():
        state.optimiser.state[parameter] = {
            m: tensors[f"adam.{name}.{m}"].to(parameter.device) for m in _MOMENTS
        }
