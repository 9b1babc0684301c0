"""The stages as the command line runs them: configurations resolved, references found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from xc.cli.pipeline_file import Pipeline
from xc.cli.zoo_references import find_corpus, find_models
from xc.evaluate import EvaluateConfig, Evaluation, evaluate
from xc.harvest import HarvestConfig, HarvestReport, harvest
from xc.store_schema import ActivationStore, Progress, RequestError, RunLayout, from_mapping
from xc.train import TrainConfig, TrainReport, train

Values = Mapping[str, Any]


def run_harvest(
    pipeline: Pipeline, flags: Values, *, models: Sequence[str] | None, progress: Progress
) -> HarvestReport:
    """Harvest what flags and pipeline.yaml ask for.

    Raises:
        RequestError: if no model or layer is named, or anything is wrong with one.
    """
    values = {"store": pipeline.store, **pipeline.section("harvest", flags)}
    named = _words(values.pop("models", ()))
    references = list(models or named)
    if not references:
        raise RequestError("no model given; for instance: xc harvest gpt2 distilgpt2 --layer 6,3")
    if "layers" not in values:
        raise RequestError("no layer given; for instance --layer 6,3 (one per model)")
    config = from_mapping(HarvestConfig, values, where=pipeline.where("harvest"))
    return harvest(
        config,
        models=find_models(references),
        corpus=find_corpus(config.dataset, text_column=config.text_column),
        progress=progress,
    )


def run_train(
    pipeline: Pipeline, flags: Values, *, store: Path, run: Path, progress: Progress
) -> TrainReport:
    """Train one run from a store."""
    config = TrainConfig.resolve(pipeline.section("train", flags), where=pipeline.where("train"))
    opened = ActivationStore.open(store)
    return train(config, store=opened, run=RunLayout(run), progress=progress)


def run_evaluate(
    pipeline: Pipeline, flags: Values, *, store: Path | None, run: Path, progress: Progress
) -> Evaluation:
    """Evaluate a run; the store is the one it was trained on, unless another place is given."""
    layout = RunLayout(run)
    if not layout.checkpoint.is_dir():
        raise RequestError(f"{run}: expected a finished run with checkpoint/; run `xc train` first")
    values = pipeline.section("evaluate", flags)
    config = from_mapping(EvaluateConfig, values, where=pipeline.where("evaluate"))
    opened = ActivationStore.open(store or _store_of(layout) or pipeline.store)
    return evaluate(config, run=layout, store=opened, progress=progress)


def _store_of(run: RunLayout) -> Path | None:
    """Where the store lay when the run was trained, if the run says so."""
    if not run.config.is_file():
        return None
    try:
        values = yaml.safe_load(run.config.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise RequestError(f"{run.config}: not readable as YAML; give --store") from error
    found = values.get("store") if isinstance(values, dict) else None
    return Path(found) if isinstance(found, str) else None


def _words(value: Any) -> list[str]:
    """A list from YAML, or words in one string."""
    return value.split() if isinstance(value, str) else [str(v) for v in value]
