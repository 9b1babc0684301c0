"""`xc export`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from xc.cli.commands import COMMANDS
from xc.cli.common import Debug, carry_out_alone
from xc.cli.results import print_path
from xc.store_schema import Checkpoint, Progress, RunLayout, XcError
from xc.train.formats.open_reference import OWN
from xc.train.publishing import WRITTEN, export, push


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export", help=COMMANDS["export"])(export_crosscoder)


def lost_on_export(checkpoint: Checkpoint, layout: str) -> str | None:
    """What a layout has no place for."""
    if layout == OWN or not checkpoint.partition:
        return None
    names = ", ".join(dict.fromkeys(str(group["name"]) for group in checkpoint.partition))
    return (
        f"note: {layout} has no place for groups of latents ({names}); their weights are written, "
        f"which latents belong to which is not; --format {OWN} keeps it"
    )


def export_crosscoder(
    run: Annotated[Path, typer.Argument(help="Folder of the run, or of a checkpoint.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder that is written.")],
    layout: Annotated[
        str, typer.Option("--format", help=f"{', '.join(WRITTEN)}; xc comes with a model card.")
    ] = "xc",
    push_to: Annotated[
        str | None, typer.Option("--push", help="Upload it to OWNER/NAME on the Hugging Face Hub.")
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Whether a repository that --push makes is private.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Export."""

    def work(progress: Progress, console: Console) -> None:
        print_path(console, layout, export(RunLayout(run), layout=layout, out=out))
        if lost := lost_on_export(Checkpoint.load(run), layout):
            progress.note(lost)
        if push_to is None:
            return
        try:
            print_path(console, "pushed", push(out, push_to, private=private))
        except XcError as error:
            error.add_note(f"the files are safe in {out}")
            raise

    carry_out_alone(work, debug=debug)
