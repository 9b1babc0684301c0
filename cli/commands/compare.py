"""`xc compare`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from xc.cli.commands import COMMANDS
from xc.cli.common import Debug, carry_out_alone
from xc.cli.comparing import write_comparison
from xc.cli.comparison_table import print_comparison
from xc.cli.evaluated import evaluated_runs
from xc.cli.numbers import reader
from xc.cli.results import print_path
from xc.evaluate.comparison import compare as compare_runs
from xc.evaluate.equal_l0 import L0_TOLERANCE
from xc.store_schema import Progress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare", help=COMMANDS["compare"])(compare)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs or sweeps, evaluated.")],
    *,
    metrics: Annotated[
        str, typer.Option("--metrics", help="Keys of summary.json, with commas; else the usual.")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where comparison.html and .csv go; else beside the runs."),
    ] = None,
    l0_tolerance: Annotated[
        float,
        typer.Option(
            "--l0-tolerance",
            parser=reader(float, least=0, infinite=True),
            help="Share by which L0 may differ unmarked.",
        ),
    ] = L0_TOLERANCE,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse runs of unequal L0 instead of marking them.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Compare."""

    def work(_: Progress, console: Console) -> None:
        folders = [run for path in runs for run in evaluated_runs(path)]
        named = [word.strip() for word in metrics.split(",") if word.strip()]
        found = compare_runs(folders, metrics=named, l0_tolerance=l0_tolerance, strict=strict)
        written = write_comparison(found, folder=out or folders[0].resolve().parent)
        print_comparison(console, found)
        for path in written:
            print_path(console, "written", path)

    carry_out_alone(work, debug=debug)
