"""`xc run`."""

import typer
from rich.console import Console

from xc.cli.commands import COMMANDS
from xc.cli.common import ConfigFile, Debug, carry_out
from xc.cli.next_steps import after_evaluating, print_next
from xc.cli.pipeline_file import Pipeline
from xc.cli.pipeline_run import run_pipeline
from xc.cli.results import print_evaluation
from xc.cli.sweep_table import print_sweep
from xc.store_schema import Progress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run", help=COMMANDS["run"])(run)


def run(config: ConfigFile = None, debug: Debug = False) -> None:
    """Run the pipeline."""

    def work(pipeline: Pipeline, progress: Progress, console: Console) -> None:
        done = run_pipeline(pipeline, progress=progress)
        for each in done:
            print_evaluation(console, each)
        print_sweep(console, done)
        print_next(console, after_evaluating(pipeline.run, [each.run.root for each in done]))

    carry_out(work, config=config, debug=debug)
