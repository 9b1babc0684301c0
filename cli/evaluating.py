"""Evaluating as the command line does it: the store is found, the stage is run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from xc.cli.blame import configured
from xc.cli.evaluate_options import EvaluateOptions
from xc.cli.opening import open_store
from xc.cli.pipeline_file import Pipeline
from xc.cli.splicing import measure_spliced
from xc.evaluate import Evaluation, evaluate
from xc.store_schema import Checkpoint, Progress, RequestError, RunLayout
from xc.store_schema.kinds import runs_in
from xc.store_schema.places import Place


def run_evaluate(
    pipeline: Pipeline,
    flags: Mapping[str, Any],
    *,
    store: str | Place | None,
    run: Path,
    progress: Progress,
) -> Evaluation:
    """Evaluate a run; the store is the one it was trained on, unless another place is given."""
    layout = RunLayout(run)
    if not layout.checkpoint.is_dir():
        refuse_unfinished(run)
        raise RequestError(f"{run}: expected a finished run with checkpoint/; run `xc train` first")
    options = configured(EvaluateOptions, pipeline, "evaluate", flags)
    opened = open_store(store or _store_of(layout) or pipeline.store)
    refused = {}
    if options.wants_ce(Checkpoint.load(layout.checkpoint).n_sources):
        refused = measure_spliced(options, pipeline, run=layout, store=opened, progress=progress)
    config = options.evaluation()
    return evaluate(config, run=layout, store=opened, progress=progress, refused=refused)


def runs_at(folder: Path) -> list[Path]:
    """The run at a path, or those of the sweep, or sweeps, there."""
    own = any((folder / name).exists() for name in ("config.yaml", "checkpoint"))
    return [folder] if own else runs_in(folder) or [folder]


def refuse_unfinished(run: Path) -> None:
    """See `xc.train.unfinished`."""
    if RunLayout(run).config.is_file():
        from xc.train import unfinished  # noqa: PLC0415  (an evaluation needs no torch)

        unfinished.refuse_unfinished(run)


def _store_of(run: RunLayout) -> str | None:
    """Where the store lay when the run was trained, a path or URL, if the run says so."""
    if not run.config.is_file():
        return None
    try:
        values = yaml.safe_load(run.config.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise RequestError(f"{run.config}: not readable as YAML; give --store") from error
    found = values.get("store") if isinstance(values, dict) else None
    return found if isinstance(found, str) else None
