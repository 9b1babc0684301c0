"""Evaluated runs, where a command is given a folder: which they are, or what is there instead."""

import shlex
from pathlib import Path

from xc.cli.evaluating import refuse_unfinished
from xc.store_schema import RequestError, RunLayout
from xc.store_schema.kinds import RUN, RUNS, kind_of, runs_in

_NAMED = 6
"""Most runs of a folder that a message names."""


def evaluated_run(path: Path) -> Path:
    """The run at a path, or the one whose evaluation lies there.

    Raises:
        RequestError: if there is nothing, something else, several runs, or a run that is not
            finished. Whether a finished one was evaluated is for `Evaluation.open` to say.
    """
    run = _owner(path)
    kind = kind_of(run)
    if kind == RUNS:
        raise RequestError(f"{path}: this is a folder of runs; name one: {_names(run)}")
    if kind != RUN:
        raise RequestError(f"{path}: this is a {kind}; name the folder of a run")
    if not RunLayout(run).summary.is_file():
        refuse_unfinished(run)
    return run


def evaluated_runs(path: Path) -> list[Path]:
    """The same, or the runs in the folder at the path and in the sweeps there."""
    if kind_of(_owner(path)) == RUNS:
        return [evaluated_run(run) for run in runs_in(path)]
    return [evaluated_run(path)]


def _owner(path: Path) -> Path:
    """The run whose evaluation lies at a path; any other path as it is."""
    whole = path.absolute()
    run = RunLayout(whole.parent)
    if whole != run.evaluation or not (run.checkpoint.is_dir() or run.summary.is_file()):
        return path
    return path.parent if path.name else whole.parent


def _names(folder: Path) -> str:
    runs = runs_in(folder)
    named = [shlex.quote(str(run)) for run in runs[:_NAMED]]
    more = f" and {len(runs) - _NAMED} more" if len(runs) > _NAMED else ""
    return ", ".join(named) + more
