"""`xc run`: the stages in order; each one leaves alone what it finds done."""

from pathlib import Path

from xc.cli.evaluating import run_evaluate
from xc.cli.harvesting import run_harvest
from xc.cli.pipeline_file import Pipeline
from xc.cli.sweeping import axes_of, members_of, run_sweep, swept_where
from xc.cli.training import run_train
from xc.evaluate import Evaluation
from xc.store_schema import Progress, RequestError
from xc.store_schema.places import Place


def run_pipeline(pipeline: Pipeline, *, progress: Progress) -> list[Evaluation]:
    """Harvest, train and evaluate what the file asks for: one run, or those of its sweep.

    Raises:
        RequestError: if there is no pipeline file.
    """
    if pipeline.path is None:
        raise RequestError("no pipeline.yaml in this folder; give --config the path of one")
    again = ["harvest", "--config", str(pipeline.path)]
    store = run_harvest(pipeline, {}, models=None, progress=progress, command=again).path
    runs = train_all(pipeline, store, progress)
    return [run_evaluate(pipeline, {}, store=store, run=run, progress=progress) for run in runs]


def train_all(pipeline: Pipeline, store: Place, progress: Progress) -> list[Path]:
    """Train the run that a file asks for, or those of its sweep; returns their folders."""
    axes = axes_of(pipeline, ())
    if not axes:
        run_train(pipeline, {}, store=store, run=pipeline.run, progress=progress)
        return [pipeline.run]
    members = members_of(pipeline, {}, axes, folder=pipeline.run, where=swept_where(pipeline, ()))
    return [report.run for report in run_sweep(pipeline, members, store=store, progress=progress)]
