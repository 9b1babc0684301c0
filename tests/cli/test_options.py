"""Options made from a dataclass: one per field, typed, documented, None when not given."""

import inspect
import math
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from xc.cli.commands import COMMANDS
from xc.cli.evaluate_options import EvaluateOptions
from xc.cli.main import build_app
from xc.cli.null_config import NullConfig
from xc.cli.numbers import reader
from xc.cli.options import with_options
from xc.harvest import HarvestConfig
from xc.store_schema import RequestError, from_mapping
from xc.train import TrainConfig


@dataclass(frozen=True)
class Settings:
    """Settings of a test."""

    tokens: int = 5
    """Rows to keep."""
    lr: float | None = None
    """Step size."""
    resume: bool = True
    """Go on where it stopped."""
    layers: tuple[str, ...] = ()
    """Sites."""
    hidden: str = "x"
    """Not an option."""


@pytest.fixture
def seen() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def app(seen):
    app = typer.Typer()

    @app.command()
    @with_options(Settings, skip=("hidden",), flags={"layers": "layer"})
    def work(values: dict[str, Any]) -> None:
        """Work."""
        seen.append(values)

    return app


def test_only_given_options_arrive(app, seen):
    result = CliRunner().invoke(app, ["--layer", "6,3", "--layer", "0,0", "--no-resume"])
    assert result.exit_code == 0
    assert seen == [{"layers": ("6,3", "0,0"), "resume": False}]


def test_values_are_typed(app, seen):
    CliRunner().invoke(app, ["--tokens", "7", "--lr", "0.5"])
    assert seen == [{"tokens": 7, "lr": 0.5}]
    assert CliRunner().invoke(app, ["--tokens", "many"]).exit_code == 2


def test_help_is_the_docstring_with_the_default(app):
    text = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    assert "Rows to keep. (default: 5)" in text
    assert "--hidden" not in text


def test_a_switch_may_name_its_opposite(seen):
    app = typer.Typer()

    @app.command()
    @with_options(Settings, flags={"resume": "go-on/--start-again"})
    def work(values: dict[str, Any]) -> None:
        """Work."""
        seen.append(values)

    for flag in ("--go-on", "--start-again"):
        assert CliRunner().invoke(app, [flag]).exit_code == 0
    assert seen == [{"resume": True}, {"resume": False}]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["--tokens", "abc"], "'--tokens': expected a whole number, found 'abc'"),
        (["--tokens", "1.5"], "'--tokens': expected a whole number, found '1.5'"),
        (["--lr", "fast"], "'--lr': expected a number, found 'fast'"),
        (["--lr", "nan"], "'--lr': expected a number, found 'nan'"),
        (["--lr", "-inf"], "'--lr': expected a number, found '-inf'"),
        (["--lr", "1e999"], "'--lr': expected a number, found '1e999'"),
    ],
)
def test_what_is_no_number_is_refused_in_words_of_our_own(app, typed, message):
    with pytest.raises(typer.BadParameter) as caught:
        app(typed, standalone_mode=False)
    assert caught.value.format_message() == f"Invalid value for {message}"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["latents", "r", "--limit", "-1"], "expected a whole number from 0 on, found '-1'"),
        (["compare", "r", "--l0-tolerance", "nan"], "expected a number from 0 on, found 'nan'"),
        (["train", "--distributed", "0"], "expected a whole number from 1 on, found '0'"),
    ],
)
def test_limits_of_numbers_are_told(typed, message):
    with pytest.raises(typer.BadParameter) as caught:
        build_app(typed)(typed, standalone_mode=False)
    assert caught.value.message == message


def test_a_tolerance_may_be_without_end() -> None:
    take = reader(float, least=0, infinite=True)
    assert take("inf") == float("inf")
    for word in ("nan", "-inf"):
        with pytest.raises(typer.BadParameter, match="expected a number from 0 on"):
            take(word)


@pytest.mark.parametrize("stage", [HarvestConfig, TrainConfig, EvaluateOptions, NullConfig])
def test_no_number_of_a_file_is_nan_or_infinite(stage: type) -> None:
    needed = {"layers": ["1"]} if stage is HarvestConfig else {}
    for name, kind in get_type_hints(stage).items():
        if float not in (kind, *get_args(kind)):
            continue
        for value in (math.nan, math.inf, ".nan", "inf"):
            with pytest.raises(RequestError, match=name):
                from_mapping(stage, {**needed, name: value}, where="x")


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "run"])
def test_no_option_is_converted_by_typer(command):
    """Numbers are read by `cli.numbers`: typer's own sentences are those of its library."""
    app = build_app([command])
    (registered,) = (c for c in app.registered_commands if c.name == command)
    hints = inspect.signature(registered.callback).parameters
    for name, parameter in hints.items():
        kind, *rest = get_args(parameter.annotation) or (parameter.annotation,)
        numbers = {int, float} & {kind, *get_args(kind)}
        assert not numbers or rest[0].parser is not None, name
