"""`xc plan`."""

from typing import Annotated, Any

import typer
from rich.console import Console

from xc.cli.commands import COMMANDS
from xc.cli.common import ConfigFile, Debug, Store, carry_out
from xc.cli.next_steps import print_next
from xc.cli.options import with_options
from xc.cli.pipeline_file import Pipeline
from xc.cli.plan_table import print_plan
from xc.cli.planning import make_plan, refuse
from xc.harvest import HarvestConfig
from xc.store_schema import Progress, Silent


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan", help=COMMANDS["plan"])(plan)


@with_options(HarvestConfig, skip=("store",), flags={"layers": "layer"})
def plan(
    values: dict[str, Any],
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Hugging Face ids, local folders or zoo:NAME; A first."),
    ] = None,
    *,
    probe: Annotated[
        bool,
        typer.Option(help="Run some batches and steps for the time; without, sizes alone."),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    store: Store = None,
    config: ConfigFile = None,
    debug: Debug = False,
) -> None:
    """Plan."""

    def work(pipeline: Pipeline, progress: Progress, console: Console) -> None:
        flags = values | ({"store": store} if store else {})
        screen = Silent() if as_json else progress
        found = make_plan(
            pipeline, flags, models=models, probe=probe, whole=pipeline.path is not None,
            progress=screen, typed="plan",
        )  # fmt: skip
        print_plan(found, as_json=as_json, console=console)
        refuse(found)
        if not as_json:
            alone = pipeline.path is None or models or values or store
            print_next(console, "the same words with xc harvest" if alone else "xc run")

    carry_out(work, config=config, debug=debug)
