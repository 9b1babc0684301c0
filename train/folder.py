"""The run folder: whose it is, what it holds, and clearing it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    RequestError,
    RunLayout,
    XcError,
    atomic_write,
    to_mapping,
)
from xc.store_schema.atomic import PARTIAL, remove
from xc.store_schema.grown import WHAT_TO_DO, grown_since
from xc.train import state as states
from xc.train.config import TrainConfig

_FREE = ("preset", "device", "resume", "track")
"""Fields that may change between the calls that make up one run."""

_FOLLOWING = ("d_sae", "lr", "dead_after_tokens", "window_mb")
"""Fields that are settled from others where they are not given."""


def claim(
    run: RunLayout, config: TrainConfig, store: ActivationStore, *, now: Mapping[str, Any]
) -> None:
    """Make the folder this run's, or see that it is.

    A run of which nothing is saved yet may go on with another store; a store that was moved is
    noted where it is now.

    Args:
        run: the folder.
        config: settled.
        store: that it is trained on.
        now: what this call runs with, from `ran_with`.

    Raises:
        RequestError: if it holds a run of another configuration or store, or something else.
    """
    asked, before = to_mapping(config), list[Any]()
    if not run.config.exists():
        _check_free(run)
    elif config.resume:
        trained_on = _trained_on(run)
        _check_same(run, asked, begun=trained_on is not None)
        _check_store(run, config, store, trained_on)
        remove_leftovers(run.root)
        if trained_on is not None:
            asked, before = _read_config(run), _ran_with(run)
    else:
        clear(run)
    # A run that is done takes no step more.
    new = [] if run.checkpoint.exists() or now in before else [dict(now)]
    ran = {"ran_with": [*before, *new]} if before or new else {}
    _note(run, {"store": str(store.path), "train": asked, **ran})


def _note(run: RunLayout, content: dict[str, Any]) -> None:
    text = yaml.safe_dump(content, sort_keys=False)
    if not run.config.exists() or run.config.read_text(encoding="utf-8") != text:
        atomic_write(run.config, text)


def with_window(run: RunLayout, config: TrainConfig) -> TrainConfig:
    """A run of which something is saved keeps its window, where none is asked for.

    The default is made for a machine and its processes; the run may have begun on another.
    """
    if config.window_mb is not None or not config.resume or not run.config.exists():
        return config
    held = _read_config(run).get("window_mb") if _trained_on(run) is not None else None
    return replace(config, window_mb=held) if isinstance(held, int) else config


def _check_free(run: RunLayout) -> None:
    # The configuration is the first file of a run and the last to go: what lies here without one
    # is somebody else's.
    for path in _written(run):
        if path.exists():
            raise RequestError(
                f"{run.root} holds {path.name} but no {run.config.name}, so it is no run of "
                "`xc train`; choose another --run"
            )


def _written(run: RunLayout) -> tuple[Path, ...]:
    published = run.checkpoint, run.latents, run.evaluation
    return run.state, run.metrics, run.stream, run.tracking, *published


def clear(run: RunLayout) -> None:
    """Delete what training wrote; an evaluation of the old crosscoder goes with it."""
    _read_config(run)
    for path in (*_written(run), run.config):
        remove(path)


def remove_leftovers(root: Path) -> None:
    """Delete what a killed writer left under a name that was not final."""
    for path in (root, root / "state"):
        for leftover in path.glob(f".*{PARTIAL}"):
            remove(leftover)


def holds(run: RunLayout, checkpoint: Checkpoint) -> bool:
    """Whether this very checkpoint is published already."""
    try:
        return Checkpoint.load(run.checkpoint).fingerprint == checkpoint.fingerprint
    except XcError:
        return False


def prune_states(run: RunLayout, *, step: int, every: int) -> None:
    """Keep the state of `step` and the scheduled one before it; delete the others.

    A state saved on an interruption goes with the next scheduled one, so that an interrupted run
    ends with the files of one that was not.
    """
    before = (step - 1) // every * every
    for saved in states.saved_steps(run.state):
        if saved not in (step, before):
            remove(states.state_folder(run.state, saved))


def _read_config(run: RunLayout) -> dict[str, Any]:
    try:
        return dict(yaml.safe_load(run.config.read_text(encoding="utf-8"))["train"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise RequestError(
            f"{run.config} is no configuration of a run; choose another --run"
        ) from error


def _ran_with(run: RunLayout) -> list[Any]:
    """What the calls before ran with, each once; nothing of runs of older versions."""
    values = yaml.safe_load(run.config.read_text(encoding="utf-8"))
    return list(values.get("ran_with") or ())


def _trained_on(run: RunLayout) -> str | None:
    """Fingerprint of the activations behind what is saved; None: nothing is."""
    if steps := states.saved_steps(run.state):
        return str(states.load_values(run.state, steps[-1])["store_fingerprint"])
    try:
        return Checkpoint.load(run.checkpoint).store_fingerprint
    except XcError:
        return None


def _check_same(run: RunLayout, asked: dict[str, Any], *, begun: bool) -> None:
    # A field that came later has its default in the runs before it: they knew nothing else. Their
    # order of rows came from the one seed.
    written = _read_config(run)
    order = {"shuffle_seed": written.get("seed", 0)}
    held = {**to_mapping(TrainConfig()), **order, **written}
    free = _FREE if begun else (*_FREE, *_FOLLOWING)
    names = [n for n in dict.fromkeys((*asked, *held)) if n not in free]
    differing = [n for n in names if asked.get(n) != held.get(n)]
    shown = [n for n in differing if n not in _FOLLOWING] or differing
    if shown:
        raise RequestError(
            f"{run.root} holds a run with {_listed(held, shown)}; asked for "
            f"{_listed(asked, shown)}; choose another --run, or --no-resume to replace it"
        )


def _listed(values: dict[str, Any], names: list[str]) -> str:
    return ", ".join(f"{n} {values.get(n)}" for n in names)


def _check_store(
    run: RunLayout, config: TrainConfig, store: ActivationStore, trained_on: str | None
) -> None:
    if trained_on in (None, store.fingerprint_of(config.sources)):
        return
    other = f"{run.root} was trained on other activations than {store.path} holds"
    if grown := grown_since(run, store):
        raise RequestError(f"{other}: {grown}; {WHAT_TO_DO} (--no-resume replaces this one)")
    raise RequestError(f"{other}; choose another --run, or --no-resume to replace it")
