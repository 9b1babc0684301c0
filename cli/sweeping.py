"""`--sweep NAME=VALUE,…` and the block `sweep:` of pipeline.yaml: which runs, with what values."""

import dataclasses
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from xc.cli.idle_options import idle_in_file, refuse_idle, refuse_idle_axes
from xc.cli.opening import open_store
from xc.cli.pipeline_file import Pipeline
from xc.cli.spelling import british
from xc.cli.training import note_sources, train_config
from xc.store_schema import ActivationStore, Progress, RequestError, RunLayout
from xc.store_schema.byte_sizes import size_text
from xc.store_schema.places import Place
from xc.store_schema.settings import refuse_unknown
from xc.train import TrainConfig, TrainReport
from xc.train.sweep import Member, sweep

Axes = dict[str, tuple[Any, ...]]
"""Values of each swept field."""

HELP = (
    "Train several runs in one pass over the store: NAME=VALUE,VALUE,… of any option (lists are "
    "separated by ';'); given again, all combinations. Each becomes a run in the folder --run."
)
_NOT_SWEPT = ("device", "resume", "track")
_PLAIN = re.compile(r"[^A-Za-z0-9._+@=-]+")


def run_sweep(
    pipeline: Pipeline, members: Sequence[Member], *, store: str | Place, progress: Progress
) -> list[TrainReport]:
    """Train all of them, having said what memory that takes."""
    opened = open_store(store)
    for line in idle_in_file(pipeline, [member.config for member in members]):
        progress.note(line)
    note_sources([member.config for member in members], opened, progress)
    progress.note(memory_line(members, opened))
    return sweep(members, store=opened, progress=progress)


def memory_line(members: Sequence[Member], store: ActivationStore) -> str:
    """What training them side by side takes, beside what is free."""
    from xc.cli.plan_sweep import sweep_memory  # noqa: PLC0415  (one run loads no other stage)
    from xc.harvest.machine import available_memory, taken_memory  # noqa: PLC0415

    need = sweep_memory(
        [member.config for member in members],
        lambda config: [store.source(key).d_model for key in config.sources or store.tuples[0]],
        store_rows=sum(b - a for a, b in store.splits["train"]),
        taken=taken_memory(),
    )
    free = taken_memory() + available_memory()
    line = f"{len(members)} runs side by side take about {size_text(need)} of memory"
    if need <= free:
        return line
    return (
        f"warning: {line}, and this process can have {size_text(free)}; sweep fewer values at a "
        "time, or take fewer latents (d_sae) or a smaller window_mb"
    )


def axes_of(pipeline: Pipeline, words: Sequence[str]) -> Axes:
    """What is swept: what the command line says, else the file; in the order of the options.

    Raises:
        RequestError: if a field is unknown, cannot be swept, or has no or repeated values.
    """
    where = swept_where(pipeline, words)
    found = _typed(words) if words else {k: _listed(v) for k, v in pipeline.sweep.items()}
    kinds = get_type_hints(TrainConfig)
    refuse_unknown(found, kinds, where=where)
    for name, values in found.items():
        if name in _NOT_SWEPT:
            raise RequestError(f"{where}: {name} is the same for all runs; give it as an option")
        if not values:
            raise RequestError(f"{where}: {name} has no values; expected {name}=VALUE,VALUE,…")
    return {
        name: tuple(_read(value, kinds[name]) for value in found[name])
        for name in (f.name for f in dataclasses.fields(TrainConfig))
        if name in found
    }


def swept_where(pipeline: Pipeline, words: Sequence[str]) -> str:
    """Where it stands what is swept, for messages."""
    return "--sweep" if words else pipeline.where("sweep")


def members_of(
    pipeline: Pipeline,
    flags: Mapping[str, Any],
    axes: Axes,
    *,
    folder: Path,
    where: str = "--sweep",
) -> list[Member]:
    """A run for every combination, its folder named by the swept values: `k=32,seed=0`.

    Args:
        pipeline: the file.
        flags: of the command line.
        axes: what is swept.
        folder: of all the runs.
        where: from `swept_where`.

    Raises:
        RequestError: if a combination is wrong, two are the same, or `folder` is a run itself.
    """
    if RunLayout(folder).config.exists():
        raise RequestError(
            f"{folder} holds a run, and a sweep's runs need a folder of their own; choose another "
            "--run"
        )
    configs = _combinations(pipeline, flags, axes, where)
    return [Member(name, config, RunLayout(folder / name)) for name, config in configs.items()]


def sweep_configs(pipeline: Pipeline) -> list[TrainConfig]:
    """The runs that a file asks for: those of its sweep, or the one of its `train`.

    Raises:
        RequestError: if a value is wrong.
    """
    axes, where = axes_of(pipeline, ()), swept_where(pipeline, ())
    return list(_combinations(pipeline, {}, axes, where).values())


def _combinations(
    pipeline: Pipeline, flags: Mapping[str, Any], axes: Axes, where: str
) -> dict[str, TrainConfig]:
    """A configuration for every combination, by its name."""
    configs: dict[str, TrainConfig] = {}
    for values in itertools.product(*axes.values()):
        config = _config(pipeline, flags, dict(zip(axes, values, strict=True)), where)
        name = ",".join(f"{field}={text_of(getattr(config, field))}" for field in axes)
        if name in configs:
            raise RequestError(f"{where}: {name} comes twice; give each value once")
        configs[name] = config
    refuse_idle(flags, list(configs.values()))
    refuse_idle_axes(axes, configs, where=where)
    return configs


def text_of(value: Any) -> str:
    """A value as part of a folder's name."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, tuple):
        return "+".join(text_of(v) for v in value) or "none"
    return "none" if value is None else _PLAIN.sub("-", str(value))


def _config(
    pipeline: Pipeline, flags: Mapping[str, Any], chosen: dict[str, Any], where: str
) -> TrainConfig:
    try:
        return train_config(pipeline, flags, chosen)
    except RequestError as error:
        if not chosen:
            raise
        named = ",".join(f"{n}={text_of(v)}" for n, v in chosen.items())
        raise RequestError(f"{where} {named}: {error}") from error


def _typed(words: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise RequestError(f"--sweep {word}: expected NAME=VALUE,VALUE,… such as k=32,64")
        field = british(name.strip().removeprefix("--").replace("-", "_"))
        found.setdefault(field, []).extend(_split(text, field))
    return found


def _split(text: str, field: str) -> list[str]:
    kind = get_type_hints(TrainConfig).get(field)
    separator = ";" if get_origin(kind) is tuple else ","
    return [part.strip() for part in text.split(separator) if part.strip()]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _read(value: Any, kind: Any) -> Any:
    """A value as the command line or YAML gives it, for `from_mapping` to fit and check."""
    options = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if not isinstance(value, str):
        return tuple(value) if isinstance(value, list) else value
    if NoneType in options and value.lower() in ("none", "null"):
        return None
    if get_origin(kind) is tuple:
        return tuple(part.strip() for part in value.split(","))
    return value if str in options else yaml.safe_load(value)
