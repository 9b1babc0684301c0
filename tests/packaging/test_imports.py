"""The rooms import only what lies below them, and commands only what they need."""

import subprocess
import sys
from pathlib import Path

import pytest


def test_the_contracts_of_import_linter_hold(root: Path) -> None:
    script = "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())"
    done = subprocess.run([sys.executable, "-c", script, "--no-cache"], cwd=root,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_schema_loads_no_model_no_graph_and_no_command_line() -> None:
    """What the contract forbids in the source is not imported by way of others either."""
    heavy = ("torch", "transformers", "dask", "distributed", "typer", "matplotlib", "pandas")
    script = (
        "import sys, xc.store_schema, xc.store_schema.verify, xc.store_schema.describe\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("inspect", ("torch", "xc.harvest", "xc.train", "xc.evaluate")),
        ("harvest", ("xc.train", "xc.evaluate", "pandas", "scipy.stats")),
        ("train", ("transformers", "xc.harvest", "xc.evaluate", "pandas", "scipy.stats")),
        ("evaluate", ("torch", "transformers", "pandas", "scipy.stats", "matplotlib", "xc.train")),
        ("evaluate", ("bokeh", "distributed")),
    ],
)
def test_a_command_loads_what_it_needs(command: str, unneeded: tuple[str, ...]) -> None:
    """Seconds pass otherwise before a misspelt path is told."""
    script = (
        f"import sys; from xc.cli.main import build_app; build_app([{command!r}])\n"
        f"print([name for name in {unneeded!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert done.stdout.strip() == "[]"
