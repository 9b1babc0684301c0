"""`xc evaluate`."""

from typing import Any

import typer
from rich.console import Console

from xc.cli.commands import COMMANDS
from xc.cli.common import ConfigFile, Debug, Run, Store, carry_out
from xc.cli.evaluate_options import EvaluateOptions
from xc.cli.evaluating import run_evaluate, runs_at
from xc.cli.next_steps import after_evaluating, print_next
from xc.cli.options import with_options
from xc.cli.pipeline_file import Pipeline
from xc.cli.results import print_evaluation
from xc.cli.sweep_table import print_sweep
from xc.store_schema import Progress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate", help=COMMANDS["evaluate"])(evaluate)


@with_options(EvaluateOptions)
def evaluate(
    values: dict[str, Any],
    run: Run = None,
    store: Store = None,
    config: ConfigFile = None,
    debug: Debug = False,
) -> None:
    """Evaluate."""

    def work(pipeline: Pipeline, progress: Progress, console: Console) -> None:
        folder = run or pipeline.run
        runs = runs_at(folder)
        found = []
        for each in runs:
            done = run_evaluate(pipeline, values, store=store, run=each, progress=progress)
            print_evaluation(console, done)
            found.append(done)
        print_sweep(console, found)
        print_next(console, after_evaluating(folder, runs))

    carry_out(work, config=config, debug=debug)
