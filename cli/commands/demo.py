"""`xc demo`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from xc.cli.commands import COMMANDS
from xc.cli.common import Debug, carry_out_alone
from xc.cli.demo import run_demo
from xc.store_schema import Progress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", help=COMMANDS["demo"])(demo)


def demo(
    folder: Annotated[Path, typer.Option(help="Where the store and the run go.")] = Path("demo"),
    debug: Debug = False,
) -> None:
    """Run the demonstration."""

    def work(progress: Progress, console: Console) -> None:
        run_demo(folder, progress=progress, console=console)

    carry_out_alone(work, debug=debug)
