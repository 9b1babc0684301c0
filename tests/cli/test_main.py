"""Help on a screen of 80 columns: names are whole, sentences too."""

import re

import pytest
import typer
from typer.testing import CliRunner

from xc.cli.commands import COMMANDS
from xc.cli.main import build_app


def helped(*words: str) -> str:
    app = build_app(words)
    return CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"}).output


@pytest.mark.parametrize("name", COMMANDS)
def test_names_of_options_are_whole(name: str) -> None:
    text = helped(name)
    assert max(map(len, text.splitlines())) <= 80
    command = typer.main.get_command(build_app([name])).commands[name]  # type: ignore[attr-defined]
    shown = re.findall(r"--[\w-]+", text)
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    for word in (w for p in options for w in (*p.opts, *p.secondary_opts)):
        assert word in shown


def test_the_list_of_commands_has_whole_sentences() -> None:
    text = " ".join(helped().split())
    for name, sentence in COMMANDS.items():
        assert f"{name} {sentence}" in text
