"""`xc harvest`."""

import os
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from xc.cli.commands import COMMANDS
from xc.cli.common import ConfigFile, Debug, Store, carry_out
from xc.cli.harvesting import run_harvest
from xc.cli.next_steps import after_harvest, print_next
from xc.cli.options import with_options
from xc.cli.pipeline_file import Pipeline
from xc.cli.plan_table import print_plan
from xc.cli.planning import make_plan, refuse
from xc.cli.results import print_path
from xc.harvest import HarvestConfig
from xc.harvest.workers import end_with_parent
from xc.store_schema import Progress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("harvest", help=COMMANDS["harvest"])(harvest)


@with_options(HarvestConfig, skip=("store",), flags={"layers": "layer"})
def harvest(
    values: dict[str, Any],
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Hugging Face ids, local folders or zoo:NAME; A first."),
    ] = None,
    *,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what it will take of disk, memory and time; no more."),
    ] = False,
    store: Store = None,
    config: ConfigFile = None,
    debug: Debug = False,
) -> None:
    """Harvest."""

    def work(pipeline: Pipeline, progress: Progress, console: Console) -> None:
        flags = values | ({"store": store} if store else {})
        if dry_run:
            plan = make_plan(
                pipeline, flags, models=models, probe=True, whole=False, progress=progress
            )
            print_plan(plan, as_json=False, console=console)
            refuse(plan)
            return
        report = run_harvest(
            pipeline, flags, models=models, progress=progress, command=sys.argv[1:]
        )
        print_path(console, "store", report.path)
        if "worker" not in values:  # the others may not be done
            print_next(console, after_harvest(pipeline, report.path))

    end_with_parent(os.environ)
    carry_out(work, config=config, debug=debug)
