"""Settings that a run has and its training did not read, such as k where a penalty makes sparse."""

from collections.abc import Callable, Mapping
from typing import Any

Settings = Mapping[str, Any]
"""Training settings of a run."""


def _made_sparse(*kinds: str) -> Callable[[Settings], bool]:
    return lambda told: told.get("sparsity", kinds[0]) in kinds


_selected = _made_sparse("batch_topk", "topk")
_penalised = _made_sparse("l1", "jumprelu")
_jumps = _made_sparse("jumprelu")


def _above_nothing(name: str) -> Callable[[Settings], bool]:
    """Whether a number is above 0; where it is not told, it may be."""
    return lambda told: (told.get(name, 1) or 0) > 0


_revives = _above_nothing("auxk_coeff")

_READ: Mapping[str, Callable[[Settings], bool]] = {
    "code_norm": lambda told: told.get("sparsity") != "none" or _revives(told),
    "k": _selected,
    "k_start": lambda told: _selected(told) and _above_nothing("k_anneal_steps")(told),
    "k_anneal_steps": lambda told: _selected(told) and told.get("k_start", 1) is not None,
    "l1_coeff": _penalised,
    "l1_warmup": _penalised,
    "jumprelu_threshold": _jumps,
    "jumprelu_bandwidth": _jumps,
    "tanh_scale": _jumps,
    "matryoshka_reduction": lambda told: bool(told.get("matryoshka", True)),
    "shared_penalty": lambda told: _penalised(told) and _above_nothing("shared_fraction")(told),
    "auxk_k": _revives,
}
"""When a setting is read; all others always are."""


def is_read(name: str, settings: Settings) -> bool:
    """Whether a training with these settings reads one of them; where it cannot be told, it does.

    Args:
        name: of the setting.
        settings: of the run, as config.yaml has them.
    """
    return name not in _READ or _READ[name](settings)


def may_be_unread(name: str) -> bool:
    """Whether some trainings do not read a setting."""
    return name in _READ
