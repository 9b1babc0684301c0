"""`xc`: the commands, each a few lines over a stage."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import click
import typer
from rich.console import Console

from xc.cli import demo as demo_command
from xc.cli.exits import report_usage, run_command
from xc.cli.inspection import print_description
from xc.cli.options import with_options
from xc.cli.pipeline_file import Pipeline, load_pipeline
from xc.cli.pipeline_run import run_pipeline
from xc.cli.results import print_headlines, print_path
from xc.cli.screen import make_screen
from xc.cli.stages import run_evaluate, run_harvest, run_train
from xc.evaluate import EvaluateConfig
from xc.harvest import HarvestConfig
from xc.store_schema import Progress
from xc.train import TrainConfig

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Diff language models: harvest activations, train a crosscoder, measure what it shares.",
)

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="A pipeline.yaml; without it, the one in this folder, if any."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Store = Annotated[Path | None, typer.Option("--store", help="Folder of the activation store.")]
Run = Annotated[Path | None, typer.Option("--run", help="Folder of the run.")]

Work = Callable[[Pipeline, Progress, Console], None]


def _do(work: Work, *, config: Path | None, debug: bool) -> None:
    """Load the pipeline, run the work, and leave with the exit status that it earned."""
    console = Console(stderr=False)
    screen = make_screen(console)

    def command() -> None:
        try:
            work(load_pipeline(config), screen, console)
        finally:
            screen.finish()

    raise typer.Exit(run_command(command, debug=debug))


@app.command("demo")
def demo(
    folder: Annotated[
        Path, typer.Option(help="Where the store and the run of the demonstration go.")
    ] = Path("demo"),
    debug: Debug = False,
) -> None:
    """Run the whole pipeline on the embedded pair of models, offline, on a CPU."""

    def work(_: Pipeline, progress: Progress, console: Console) -> None:
        demo_command.run_demo(folder, progress=progress, console=console)

    _do(work, config=None, debug=debug)


@app.command("harvest")
@with_options(HarvestConfig, skip=("store",), flags={"layers": "layer"})
def harvest(
    values: dict[str, Any],
    models: Annotated[
        list[str] | None,
        typer.Argument(help="Hugging Face ids, local folders or zoo:NAME; A first."),
    ] = None,
    store: Store = None,
    config: ConfigFile = None,
    debug: Debug = False,
) -> None:
    """Run each model once over the same text and store its activations."""

    def work(pipeline: Pipeline, progress: Progress, console: Console) -> None:
        flags = values | ({"store": store} if store else {})
        report = run_harvest(pipeline, flags, models=models, progress=progress)
        print_path(console, "store", report.path)

    _do(work, config=config, debug=debug)


@app.command("train")
@with_options(TrainConfig)
def train(
    values: dict[str, Any],
    store: Store = None,
    run: Run = None,
    config: ConfigFile = None,
    debug: Debug = False,
) -> None:
    """Train a crosscoder from a store."""

    def work(pipeline: Pipeline, progress: Progress, console: Console) -> None:
        folder = run or pipeline.run
        run_train(pipeline, values, store=store or pipeline.store, run=folder, progress=progress)
        print_path(console, "run", folder)

    _do(work, config=config, debug=debug)


@app.command("evaluate")
@with_options(EvaluateConfig)
def evaluate(
    values: dict[str, Any],
    run: Run = None,
    store: Store = None,
    config: ConfigFile = None,
    debug: Debug = False,
) -> None:
    """Compute all metrics, tables, figures and the report of a run."""

    def work(pipeline: Pipeline, progress: Progress, console: Console) -> None:
        folder = run or pipeline.run
        done = run_evaluate(pipeline, values, store=store, run=folder, progress=progress)
        print_headlines(console, done.summary, sources=done.sources)
        print_path(console, "report", done.run.report)

    _do(work, config=config, debug=debug)


@app.command("run")
def run(config: ConfigFile = None, debug: Debug = False) -> None:
    """Harvest, train and evaluate from one pipeline.yaml, doing only what is not done yet."""

    def work(pipeline: Pipeline, progress: Progress, console: Console) -> None:
        done = run_pipeline(pipeline, progress=progress)
        print_headlines(console, done.summary, sources=done.sources)
        print_path(console, "report", done.run.report)

    _do(work, config=config, debug=debug)


@app.command("inspect")
def inspect(
    path: Annotated[Path, typer.Argument(help="A store, run, checkpoint or latent table.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    debug: Debug = False,
) -> None:
    """Say what a store, run, checkpoint or latent table holds."""

    def work(_: Pipeline, __: Progress, console: Console) -> None:
        print_description(path, as_json=as_json, console=console)

    _do(work, config=None, debug=debug)


def main() -> None:
    """Entry point of the `xc` script."""
    try:
        status = app(standalone_mode=False)
    except click.ClickException as error:
        status = report_usage(error)
    except click.Abort:
        status = 130
    sys.exit(status or 0)
