"""`xc`: finds the command that was typed, imports its module only, and runs it."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from xc.cli.commands import COMMANDS
from xc.cli.exits import INTERRUPTED, report_import, report_usage

_DISTRIBUTION = "xcdiff"


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415  (no command needs it)

        typer.echo(f"{_DISTRIBUTION} {version(_DISTRIBUTION)}")
        raise typer.Exit


def build_app(typed: Sequence[str]) -> typer.Typer:
    """The application, with the options of the command that was typed and the names of all."""
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        help="Diff language models: harvest activations, train a crosscoder, measure what it "
        "shares.",
    )
    app.callback()(_own_options)
    wanted = next((word for word in typed if word in COMMANDS), None)
    for name, text in COMMANDS.items():
        if name == wanted:
            import_module(f"xc.cli.commands.{name}").register(app)
        else:
            app.command(name, help=text, short_help=text)(_nothing(name))
    return app


def _own_options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Say the version."),
    ] = False,
) -> None:
    """Options of `xc` itself; Typer's own help line says more."""


def _nothing(name: str) -> Callable[[], None]:
    """Stands for a command that was not typed; only `--help` looks at it."""

    def command() -> None:
        raise RuntimeError(f"{name} was not imported")

    return command


def main() -> None:
    """Entry point of the `xc` script."""
    # Idle threads that spin, the default of torch's OpenMP, slow a shared machine many times over.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    typed = sys.argv[1:] or ["--help"]
    try:
        status = build_app(typed)(typed, standalone_mode=False)
    except TyperException as error:
        status = report_usage(error)
    except Abort:
        status = INTERRUPTED
    except ImportError as error:  # of the module of the command; what runs has a net of its own
        status = report_import(error, debug="--debug" in sys.argv)
    sys.exit(status or 0)
