"""Harvesting as the command line does it: configuration resolved, references found."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xc.cli.blame import configured
from xc.cli.pipeline_file import Pipeline
from xc.cli.zoo_references import find_models, find_text
from xc.harvest import HarvestConfig, HarvestReport, Mixture, ModelRef, harvest
from xc.harvest.open_text import has_text
from xc.harvest.workers import run_workers
from xc.store_schema import Progress, RequestError
from xc.store_schema.fitting import check_listed, fitted

_START = "from xc.cli.main import main; main()"


@dataclass(frozen=True)
class HarvestRequest:
    """A harvest as asked for, everything in it found."""

    config: HarvestConfig
    models: tuple[ModelRef, ...]
    text: Mixture

    def run(
        self, config: HarvestConfig, progress: Progress, command: Sequence[str] = ()
    ) -> HarvestReport:
        """Carry it out, under this configuration; the command is for the record."""
        return harvest(
            config, models=self.models, corpus=self.text, progress=progress, command=command
        )


def harvest_request(
    pipeline: Pipeline,
    flags: Mapping[str, Any],
    models: Sequence[str] | None,
    *,
    typed: str = "harvest",
) -> HarvestRequest:
    """What flags and pipeline.yaml ask for; `typed` is the command that an example names.

    Raises:
        RequestError: if no model or layer is named, or anything is wrong with one.
    """
    values = {"store": pipeline.store, **pipeline.section("harvest", {})}
    named = _models(values.pop("models", ()), where=f"{pipeline.where('harvest')}: models")
    references = list(models or named)
    if not references:
        raise RequestError(f"no model given; for instance: xc {typed} gpt2 distilgpt2 --layer 6,3")
    if "layers" not in values and flags.get("layers") is None:
        raise RequestError("no layer given; for instance --layer 6,3 (one per model)")
    config = configured(HarvestConfig, pipeline, "harvest", flags, beneath=values)
    text = find_text(config.dataset, text_column=config.text_column)
    return HarvestRequest(config, find_models(references), text)


def run_harvest(
    pipeline: Pipeline,
    flags: Mapping[str, Any],
    *,
    models: Sequence[str] | None,
    progress: Progress,
    command: Sequence[str] = (),
) -> HarvestReport:
    """Harvest what flags and pipeline.yaml ask for, in several processes if asked.

    Args:
        pipeline: the file.
        flags: of the command line.
        models: of the command line; none: those of the file.
        progress: told of everything.
        command: words after `xc` that make another process do the same.

    Raises:
        RequestError: if the request is wrong.
    """
    request = harvest_request(pipeline, flags, models)
    config = request.config
    typed = ("xc", *command) if command else ()
    if config.workers == 1:
        return request.run(config, progress, typed)
    _side_by_side(config, command or ["harvest"], progress)
    # What the workers wrote was just checked by them; this call seals it if they could not.
    return request.run(replace(config, workers=1, repair=False), progress, typed)


def _side_by_side(config: HarvestConfig, command: Sequence[str], progress: Progress) -> None:
    if config.worker is not None:
        raise RequestError(
            f"--worker {config.worker} and --workers {config.workers}: give --workers to the one "
            "command that starts all, or --worker to each"
        )
    run_workers(
        [sys.executable, "-c", _START, *command],
        config.workers,
        ready=lambda: has_text(config),
        say=progress.note,
    )


def _models(value: Any, *, where: str) -> list[str]:
    """A list from YAML, or words in one string."""
    if isinstance(value, str):
        return value.split()
    listed = fitted(value, tuple[str, ...])
    check_listed(listed, tuple[str, ...], nested=False, where=where)
    return list(listed)
