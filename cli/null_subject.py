"""The run whose null controls are made: its own settings, its store, what was found in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from xc.cli.opening import open_store
from xc.evaluate import Evaluation
from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    RequestError,
    RunLayout,
    from_mapping,
)
from xc.store_schema.grown import WHAT_TO_DO, grown_since
from xc.store_schema.places import Place
from xc.train import TrainConfig
from xc.train.step import default_dead_after
from xc.train.unfinished import refuse_unfinished


@dataclass(frozen=True)
class Subject:
    """A trained and evaluated run of two sources."""

    run: RunLayout
    config: TrainConfig
    """Its settings, every open value filled in."""
    store: ActivationStore
    """What it was trained on."""
    checkpoint: Checkpoint
    evaluation: Evaluation
    how_evaluated: Mapping[str, Any]
    """Settings of its evaluation that a control's classes have to share."""

    @property
    def keys(self) -> tuple[str, str]:
        """A and B."""
        a, b = self.config.sources
        return a, b


def open_subject(
    folder: Path, *, store: str | Place | None, device: str | None, tokens: int | None
) -> Subject:
    """Open a run, and settle what its controls are trained with.

    Args:
        folder: of the run.
        store: the store, if it has moved.
        device: of the controls; none: that of the run.
        tokens: of the controls; none: those of the run.

    Raises:
        RequestError: if it is no evaluated run of two sources that `xc train` made.
    """
    run = RunLayout(folder)
    if not run.checkpoint.is_dir():
        refuse_unfinished(folder)
        raise RequestError(f"{folder}: expected a finished run; run `xc train` first")
    values = _read(run)
    config = from_mapping(
        TrainConfig, {"shuffle_seed": values["train"].get("seed", 0), **values["train"]},
        where=str(run.config),
    )  # fmt: skip
    checkpoint = Checkpoint.load(run.checkpoint)
    if checkpoint.n_sources != 2:
        raise RequestError(
            f"{folder}: null controls compare two sources, this run has {checkpoint.n_sources}; "
            "train one of two (--sources A,B)"
        )
    opened = open_store(store or values["store"])
    _check_store(run, checkpoint, opened)
    config = replace(config, resume=True, track=(), device=device or config.device)
    evaluation = Evaluation.open(folder)
    if evaluation.summary.get("n_shared") is None:
        raise RequestError(
            f"{run.summary}: the classes of latents were left out; run `xc evaluate` with all "
            "metrics first"
        )
    config = with_tokens(config, tokens)
    return Subject(run, config, opened, checkpoint, evaluation, how_evaluated(run))


def _check_store(run: RunLayout, checkpoint: Checkpoint, store: ActivationStore) -> None:
    """Controls of other activations than the run's would say nothing of it."""
    keys = [source.key for source in checkpoint.sources]
    if checkpoint.store_fingerprint in (None, store.fingerprint_of(keys)):
        return
    other = f"{run.root} was trained on other activations than {store.path} holds"
    if grown := grown_since(run, store):
        raise RequestError(f"{other}: {grown}; {WHAT_TO_DO}")
    raise RequestError(f"{other}; give --store the one it was trained on")


def how_evaluated(run: RunLayout) -> dict[str, Any]:
    """Settings of an evaluation that a control's classes have to share."""
    told = yaml.safe_load(run.evaluation_config.read_text(encoding="utf-8"))
    return {name: told[name] for name in ("keep", "class_thresholds") if name in told}


def with_tokens(config: TrainConfig, tokens: int | None) -> TrainConfig:
    """The same for other tokens; what follows from their number follows."""
    if tokens is None:
        return config
    other = replace(config, tokens=tokens)
    if config.dead_after_tokens == default_dead_after(config):
        return replace(other, dead_after_tokens=default_dead_after(other))
    return other


def _read(run: RunLayout) -> Mapping[str, Any]:
    if not run.config.is_file():
        raise RequestError(
            f"{run.root} has no {run.config.name}: null controls repeat a run's own training, and "
            "this crosscoder was trained elsewhere"
        )
    try:
        values = yaml.safe_load(run.config.read_text(encoding="utf-8"))
        return {"store": str(values["store"]), "train": dict(values["train"])}
    except (ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise RequestError(f"{run.config} is no configuration of a run") from error
