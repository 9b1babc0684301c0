"""What the values of a training configuration must satisfy, one by one and together."""

import dataclasses
import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, get_args

from xc.store_schema import RequestError, suggestion
from xc.train.presets import PRESETS
from xc.train.trackers import TRACKERS

if TYPE_CHECKING:
    from xc.train.config import TrainConfig

SPARSITIES = ("batch_topk", "topk", "l1", "jumprelu", "none")
CODE_NORMS = ("crosscoder", "sae", "mixed", "none", "decoupled")
RECONSTRUCTIONS = ("squared", "norm", "mse")
NORMALISATIONS = ("mean_norm", "rms", "none")
ENCODERS = ("transpose", "independent")
DECODER_BIASES = ("zero", "geometric_median", "mean")
REDUCTIONS = ("mean", "sum")

_CHOICES = {
    "sparsity": SPARSITIES,
    "code_norm": CODE_NORMS,
    "reconstruction": RECONSTRUCTIONS,
    "matryoshka_reduction": REDUCTIONS,
    "normalisation": NORMALISATIONS,
    "init_encoder": ENCODERS,
    "init_decoder_bias": DECODER_BIASES,
}
_INTEGERS_FROM = {
    "d_sae": 1,
    "k": 1,
    "k_start": 1,
    "k_anneal_steps": 0,
    "auxk_k": 1,
    "dead_after_tokens": 1,
    "lr_warmup_steps": 0,
    "tokens": 1,
    "batch_size": 1,
    "grad_accumulation": 1,
    "window_mb": 1,
    "window_reads": 1,
    "seed": 0,
    "shuffle_seed": 0,
    "log_every": 1,
    "validate_every": 1,
    "validation_rows": 1,
    "save_every": 1,
}
_POSITIVE = (
    "expansion_factor",
    "init_norm",
    "lr",
    "clip_norm",
    "jumprelu_threshold",
    "jumprelu_bandwidth",
    "tanh_scale",
)
_NOT_NEGATIVE = ("l1_coeff", "auxk_coeff", "shared_penalty")
_FRACTIONS = ("l1_warmup", "lr_decay", "shared_fraction")


def check_config(config: "TrainConfig") -> None:
    """Refuse values that are missing, out of range or contradict each other.

    Raises:
        RequestError: naming the first of them.
    """
    _check_present(config)
    _check_numbers(config)
    _check_choices(config)
    _check_combinations(config)
    _check_architecture(config)
    _check_preset_applied(config)


def _check_present(config: "TrainConfig") -> None:
    for field in dataclasses.fields(config):
        if config.__dict__[field.name] is None and type(None) not in get_args(field.type):
            raise RequestError(f"{field.name} needs a value; leave it out for {field.default!r}")


def _check_numbers(config: "TrainConfig") -> None:
    for name, value in _set_values(config):
        if name in _INTEGERS_FROM:
            _check_integer(name, value, _INTEGERS_FROM[name])
        elif name in _POSITIVE and not (_is_number(value) and value > 0):
            raise RequestError(f"{name} must be a number above 0; got {value!r}")
        elif name in _NOT_NEGATIVE and not (_is_number(value) and value >= 0):
            raise RequestError(f"{name} must be a number not below 0; got {value!r}")
        elif name in _FRACTIONS and not (_is_number(value) and 0 <= value <= 1):
            raise RequestError(f"{name} must be a fraction from 0 to 1; got {value!r}")


def _set_values(config: "TrainConfig") -> list[tuple[str, Any]]:
    pairs = ((f.name, config.__dict__[f.name]) for f in dataclasses.fields(config))
    return [(name, value) for name, value in pairs if value is not None]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_integer(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise RequestError(f"{name} must be a whole number of at least {least}; got {value!r}")


def _check_choices(config: "TrainConfig") -> None:
    for name, known in _CHOICES.items():
        value = config.__dict__[name]
        if value not in known:
            raise RequestError(f"{name}: no '{value}'{suggestion(str(value), known)}")


def _check_combinations(config: "TrainConfig") -> None:
    if config.d_sae is not None and config.expansion_factor is not None:
        raise RequestError("give d_sae or expansion_factor, not both")
    if config.until_fve is not None and not (_is_number(config.until_fve) and config.until_fve < 1):
        raise RequestError(f"until_fve must be below 1; got {config.until_fve!r}")
    if config.steps == 0:
        raise RequestError(
            f"{config.tokens} tokens make no batch of {config.batch_size}; ask for more tokens"
        )


def _check_architecture(config: "TrainConfig") -> None:
    if config.code_norm == "decoupled" and config.sparsity != "batch_topk":
        raise RequestError(
            f"code_norm decoupled needs sparsity batch_topk, where each source has its own "
            f"threshold; got {config.sparsity}"
        )
    _check_prefixes(config)
    _check_per_source(config)
    _check_partition(config)
    for name in config.track:
        if name not in TRACKERS:
            raise RequestError(f"track: no '{name}'{suggestion(name, TRACKERS)}")


def _check_prefixes(config: "TrainConfig") -> None:
    sizes = config.matryoshka
    if any(a >= b for a, b in pairwise((0, *sizes))):
        raise RequestError(f"matryoshka must be ascending sizes above 0; got {_listed(sizes)}")
    if config.d_sae is not None and sizes and sizes[-1] >= config.d_sae:
        raise RequestError(
            f"matryoshka: a prefix of {sizes[-1]} latents is not below the dictionary of "
            f"{config.d_sae}; leave the whole dictionary out"
        )


def _check_per_source(config: "TrainConfig") -> None:
    for name in ("source_weights", "exclusive"):
        values, n = config.__dict__[name], len(config.sources)
        if any(not (_is_number(v) and v >= 0) for v in values):
            raise RequestError(f"{name} must be numbers not below 0; got {_listed(values)}")
        if values and n and len(values) != n:
            raise RequestError(
                f"{name}: expected one number for each of {n} sources; got {_listed(values)}"
            )
    if config.source_weights and not any(config.source_weights):
        raise RequestError("source_weights are all 0; there would be nothing to learn")


def _check_partition(config: "TrainConfig") -> None:
    parts = sum(config.exclusive) + config.shared_fraction
    if parts > 1:
        raise RequestError(
            f"exclusive and shared_fraction take {parts:g} of the dictionary; at most 1 is there"
        )
    if parts and config.matryoshka:
        raise RequestError(
            "matryoshka and a partition (exclusive, shared_fraction) both order the latents; "
            "choose one"
        )


def _listed(values: tuple[Any, ...]) -> str:
    return ",".join(map(str, values))


def _check_preset_applied(config: "TrainConfig") -> None:
    if config.preset is None:
        return
    if config.preset not in PRESETS:
        raise RequestError(f"no preset '{config.preset}'{suggestion(config.preset, PRESETS)}")
    defaults = {f.name: f.default for f in dataclasses.fields(config)}
    own = {k: v for k, v in PRESETS[config.preset].items() if v != defaults[k]}
    if not any(config.__dict__[k] == v for k, v in own.items()):
        raise RequestError(
            f"preset '{config.preset}' was named but not applied; use TrainConfig.resolve({{…}})"
        )
