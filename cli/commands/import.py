"""`xc import`."""  # noqa: N999

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from xc.cli.commands import COMMANDS
from xc.cli.common import Debug, Store, carry_out_alone
from xc.cli.importing import FORMAT_HELP, ImportFlags, run_import
from xc.cli.next_steps import after_import, print_next
from xc.cli.results import print_path
from xc.store_schema import Progress


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import", help=COMMANDS["import"])(import_crosscoder)


def import_crosscoder(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REF",
            help="A folder, a file, or OWNER/NAME on the Hub, @REVISION behind it.",
        ),
    ],
    *,
    layout: Annotated[str | None, typer.Option("--format", help=FORMAT_HELP)] = None,
    file: Annotated[
        str | None, typer.Option(help="The weights, where REF holds several; relative to it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run that is made (default: runs/NAME).")
    ] = None,
    sources: Annotated[
        list[str] | None,
        typer.Option(
            help="Keys of its sources in a store, in the file's order: gpt2@6,distilgpt2@3."
        ),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(help="Its models, where the file names layers only: gpt2,distilgpt2."),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            help="Factor per source that activations were multiplied by in training, C_A,C_B; "
            "store: √d_model over the mean length of the store's train rows."
        ),
    ] = None,
    centre_rows: Annotated[
        bool | None,
        typer.Option(
            "--centre-rows/--no-centre-rows",
            help="Whether each activation loses its own mean first (default: where TransformerLens "
            "did so: models with LayerNorm).",
        ),
    ] = None,
    center_rows: Annotated[
        bool | None, typer.Option("--center-rows/--no-center-rows", hidden=True)
    ] = None,
    device: Annotated[str, typer.Option(help="Where rows are encoded: auto, cpu, cuda.")] = "auto",
    store: Store = None,
    debug: Debug = False,
) -> None:
    """Import."""
    flags = ImportFlags(
        layout=layout, file=file, out=out, sources=tuple(sources or ()),
        models=tuple(models or ()), scale=scale, device=device, store=store,
        centre_rows=center_rows if centre_rows is None else centre_rows,
    )  # fmt: skip

    def work(progress: Progress, console: Console) -> None:
        report = run_import(reference, flags, progress=progress)
        print_path(console, "run", report.run)
        print_next(console, after_import(report.run, encoded=report.encoded))

    carry_out_alone(work, debug=debug)
