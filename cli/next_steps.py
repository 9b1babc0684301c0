"""The line that a command ends with: what people usually type next."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from xc.cli.pipeline_file import DEFAULT_NAME, Pipeline


def print_next(console: Console, command: str) -> None:
    """One dim line, unwrapped, so that the command can be copied."""
    console.print(f"next: {command}", style="dim", markup=False, highlight=False, soft_wrap=True)


def after_harvest(pipeline: Pipeline, store: object) -> str:
    """Train on the store."""
    return _typed(pipeline, "train", store=store)


def after_training(pipeline: Pipeline, run: Path) -> str:
    """Evaluate the run, or those of the sweep."""
    return _typed(pipeline, "evaluate", run=run)


def after_evaluating(folder: Path, runs: Sequence[Path]) -> str:
    """Look at the latents of one run; put several side by side."""
    if len(runs) > 1:
        return f"xc compare {_quoted(folder)}"
    run = _quoted(runs[0])
    return f"xc latents {run}, or beside another run: xc compare {run} OTHER"


def after_import(run: Path, *, encoded: bool) -> str:
    """Evaluate it, for which its held-out rows are to be encoded first."""
    if encoded:
        return f"xc evaluate --run {_quoted(run)}"
    return "the same command with --store STORE encodes its held-out rows, for xc evaluate"


def _typed(pipeline: Pipeline, command: str, **options: object) -> str:
    """A command with the options that it would not take from the same file or the defaults."""
    words = [f"xc {command}"]
    for name, value in options.items():
        if str(value) != str(getattr(pipeline, name)):
            words.append(f"--{name} {_quoted(value)}")
    if pipeline.path not in (None, Path(DEFAULT_NAME)):
        words.append(f"--config {_quoted(pipeline.path)}")
    return " ".join(words)


def _quoted(value: object) -> str:
    return shlex.quote(str(value))
