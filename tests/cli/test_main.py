"""Help on a screen of 80 columns: names are whole, sentences too."""

import re
import sys
from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner

from xc.cli.commands import COMMANDS
from xc.cli.main import build_app, main


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


def test_alone_it_shows_its_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["xc"])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    assert (left.value.code, said.err) == (0, "")
    assert said.out.startswith("Usage: xc [OPTIONS] COMMAND")
    assert said.out.count("\n") > len(COMMANDS)


def test_the_version_is_that_of_the_distribution() -> None:
    expected = f"xcdiff {version('xcdiff')}\n"
    for words in (["--version"], ["--version", "train"]):
        done = CliRunner().invoke(build_app(words), words)
        assert (done.exit_code, done.output) == (0, expected)
    assert "--version" in helped()


def test_the_list_of_commands_has_whole_sentences() -> None:
    text = " ".join(helped().split())
    for name, sentence in COMMANDS.items():
        assert f"{name} {sentence}" in text
