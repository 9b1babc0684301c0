"""Training as the command line does it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xc.cli.pipeline_file import Pipeline
from xc.store_schema import ActivationStore, Progress, RunLayout
from xc.train import TrainConfig, TrainReport, train


def run_train(
    pipeline: Pipeline, flags: Mapping[str, Any], *, store: Path, run: Path, progress: Progress
) -> TrainReport:
    """Train one run from a store."""
    config = TrainConfig.resolve(pipeline.section("train", flags), where=pipeline.where("train"))
    opened = ActivationStore.open(store)
    return train(config, store=opened, run=RunLayout(run), progress=progress)
