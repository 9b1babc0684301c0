"""`xc null`."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from xc.cli.commands import COMMANDS
from xc.cli.common import ConfigFile, Debug, Store, carry_out
from xc.cli.evaluating import runs_at
from xc.cli.null_config import NullConfig
from xc.cli.null_results import print_nulls
from xc.cli.nulls import run_nulls
from xc.cli.options import with_options
from xc.cli.pipeline_file import Pipeline
from xc.store_schema import Progress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("null", help=COMMANDS["null"])(null)


@with_options(NullConfig)
def null(
    values: dict[str, Any],
    run: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of an evaluated run, or sweep (default: that of pipeline.yaml)."
        ),
    ] = None,
    *,
    store: Store = None,
    config: ConfigFile = None,
    debug: Debug = False,
) -> None:
    """Make null controls."""

    def work(pipeline: Pipeline, progress: Progress, console: Console) -> None:
        for folder in runs_at(run or pipeline.run):
            run_nulls(
                pipeline, values, store=store, run=folder, progress=progress,
                tell=partial(print_nulls, console),
            )  # fmt: skip

    carry_out(work, config=config, debug=debug)
