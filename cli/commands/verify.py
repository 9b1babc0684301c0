"""`xc verify`."""

from typing import Annotated

import typer
from rich.console import Console

from xc.cli.commands import COMMANDS
from xc.cli.common import Debug, carry_out_alone
from xc.cli.results import print_path
from xc.cli.verdict import controls_kept, verdict
from xc.store_schema import DamageError, Progress
from xc.store_schema.verify import verify as find_problems


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify", help=COMMANDS["verify"])(verify)


def verify(
    path: Annotated[
        str,
        typer.Argument(
            help="A store (a folder or URL), run (with its null controls), checkpoint or latent "
            "table, or a folder of runs."
        ),
    ],
    debug: Debug = False,
) -> None:
    """Verify."""

    def work(progress: Progress, console: Console) -> None:
        problems = find_problems(path, progress)
        for problem in problems:
            print_path(console, str(problem.file), problem.what)
        if problems:
            raise DamageError(f"{path}: {verdict(problems)}")
        print_path(console, "whole", path + controls_kept(path))

    carry_out_alone(work, debug=debug)
