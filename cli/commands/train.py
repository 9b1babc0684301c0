"""`xc train`."""

import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from xc.cli.commands import COMMANDS
from xc.cli.common import ConfigFile, Debug, Run, Store, carry_out
from xc.cli.launching import launch, stop_with_launcher
from xc.cli.next_steps import after_training, print_next
from xc.cli.numbers import reader
from xc.cli.options import with_options
from xc.cli.pipeline_file import Pipeline
from xc.cli.results import print_failure, print_path, print_runs, training_line
from xc.cli.sweeping import HELP, axes_of, members_of, run_sweep, swept_where
from xc.cli.training import run_train
from xc.store_schema import Progress, RequestError
from xc.train import TrainConfig
from xc.train.distributed import asked_for, speaks

SHARED = (
    "Processes of this machine that share each batch, a GPU each if there are GPUs; torchrun does "
    "the same over several machines."
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("train", help=COMMANDS["train"])(train)


@with_options(TrainConfig, flags={"drop_sinks": "drop-sinks/--keep-sinks"})
def train(
    values: dict[str, Any],
    *,
    store: Store = None,
    run: Run = None,
    sweep: Annotated[list[str] | None, typer.Option("--sweep", help=HELP)] = None,
    distributed: Annotated[
        int | None, typer.Option("--distributed", parser=reader(int, least=1), help=SHARED)
    ] = None,
    config: ConfigFile = None,
    debug: Debug = False,
) -> None:
    """Train."""
    stop_with_launcher()
    if (distributed or 1) > 1 and not asked_for():
        raise typer.Exit(launch(distributed or 1, sys.argv[1:]))

    def work(pipeline: Pipeline, progress: Progress, console: Console) -> None:
        folder, acts = run or pipeline.run, store or pipeline.store
        if axes := axes_of(pipeline, sweep or ()):
            if asked_for():
                raise RequestError("a sweep takes one process; leave --distributed out")
            where = swept_where(pipeline, sweep or ())
            members = members_of(pipeline, values, axes, folder=folder, where=where)
            print_runs(console, run_sweep(pipeline, members, store=acts, progress=progress))
            print_next(console, after_training(pipeline, folder))
            return
        report = run_train(pipeline, values, store=acts, run=folder, progress=progress)
        if not speaks():
            return
        progress.note(training_line(report))
        print_failure(console, report.fve)
        print_path(console, "run", folder)
        print_next(console, after_training(pipeline, folder))

    carry_out(work, config=config, debug=debug)
