"""`xc latents`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from xc.cli.commands import COMMANDS
from xc.cli.common import Debug, carry_out_alone
from xc.cli.evaluated import evaluated_run
from xc.cli.latents import print_json, print_latents
from xc.cli.numbers import reader
from xc.evaluate import Evaluation
from xc.evaluate.latent_list import list_latents
from xc.store_schema import Progress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("latents", help=COMMANDS["latents"])(latents)


def latents(
    run: Annotated[Path, typer.Argument(help="Folder of a run that was evaluated.")],
    *,
    kind: Annotated[
        str | None, typer.Option("--class", help="shared, a_only, b_only, other, dead; else all.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", help="A column of latents.parquet; smallest first.")
    ] = None,
    descending: Annotated[
        bool, typer.Option("--descending", help="Sort the largest first.")
    ] = False,
    limit: Annotated[
        int,
        typer.Option(
            "--limit", parser=reader(int, least=0), help="How many to list; 0: all of them."
        ),
    ] = 20,
    columns: Annotated[
        str, typer.Option("--columns", help="Columns to show, with commas; 'all' for every one.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    debug: Debug = False,
) -> None:
    """Latents."""

    def work(_: Progress, console: Console) -> None:
        evaluation = Evaluation.open(evaluated_run(run))
        chosen = _columns(columns, evaluation)
        found = list_latents(
            evaluation, kind=kind, sort=sort, descending=descending, limit=limit or None,
            columns=chosen,
        )  # fmt: skip
        if as_json:
            print_json(console, found)
        else:
            print_latents(console, found, evaluation)

    carry_out_alone(work, debug=debug)


def _columns(text: str, evaluation: Evaluation) -> list[str]:
    if text.strip() == "all":
        return evaluation.latents.names
    return [word.strip() for word in text.split(",") if word.strip()]
