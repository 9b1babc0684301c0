"""Exit statuses and the one line that goes with them."""

import os
import signal
import subprocess
import sys

import pytest
import typer

from xc.cli.exits import report_usage, run_command
from xc.store_schema import NumericalError, RequestError


def _raise(error: BaseException):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RequestError("found x"), 2),
        (NumericalError("NaN in gpt2@6"), 1),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("division by zero"), 1),
        (MemoryError(), 1),
    ],
)
def test_status_and_one_line(error, status, capsys):
    assert run_command(_raise(error), debug=False) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("xc: ")
    assert captured.err.count("\n") == 1


def test_debug_adds_the_traceback(capsys):
    run_command(_raise(RequestError("found x")), debug=True)
    assert "Traceback" in capsys.readouterr().err


def test_notes_join_the_line(capsys):
    error = RequestError("broken")
    error.add_note("shard 3")
    run_command(_raise(error), debug=False)
    assert capsys.readouterr().err == "xc: broken; shard 3\n"


def test_success_is_zero_and_silent(capsys):
    assert run_command(lambda: None, debug=False) == 0
    assert capsys.readouterr().err == ""


def test_sigterm_ends_like_an_interrupt():
    code = (
        "import os, signal, sys\n"
        "from xc.cli.exits import run_command\n"
        "sys.exit(run_command(lambda: os.kill(os.getpid(), signal.SIGTERM), debug=False))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert "interrupted" in done.stderr


def test_usage_errors_are_one_line(capsys):
    assert report_usage(typer.BadParameter("no option --lyer;\ntry --layer")) == 2
    line = capsys.readouterr().err
    assert "--lyer" in line
    assert "--layer" in line
    assert line.count("\n") == 1


@pytest.fixture(autouse=True)
def _restore_sigterm():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    assert os.getpid()


def test_a_command_that_cannot_be_loaded_is_one_line(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('libcudart is missing')\n")
    code = "import sys; from xc.cli.main import main; sys.argv[1:] = {}; main()"
    for words in (["train"], ["train", "--debug"]):
        done = subprocess.run(
            [sys.executable, "-c", code.format(words)], capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == 1
        assert ("Traceback" in done.stderr) == ("--debug" in words)
        line = done.stderr.splitlines()[-1]
        assert line.startswith("xc: this command cannot be loaded (ImportError: libcudart is miss")
        assert "--debug" in line
        assert done.stderr.count("\n") == 1 or "--debug" in words
