"""Checking an artefact of any kind: every checksum, every promise of SPEC.md, listed by file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from xc.store_schema.checkpoint import Checkpoint
from xc.store_schema.kinds import CHECKPOINT, LATENT_TABLE, RUN, RUNS, STORE, kind_of, runs_in
from xc.store_schema.places import Place, place
from xc.store_schema.problem import Problem, noting
from xc.store_schema.progress import Progress, Silent
from xc.store_schema.run_layout import RunLayout
from xc.store_schema.verify_nulls import check_nulls
from xc.store_schema.verify_run import verify_run
from xc.store_schema.verify_store import verify_store
from xc.store_schema.verify_table import check_table

__all__ = ["Problem", "verify", "verify_run", "verify_store"]


def verify(path: str | Place, progress: Progress | None = None) -> list[Problem]:
    """List everything that is wrong with a store, run, checkpoint, latent table, or several runs.

    Of a run the null controls that it keeps are checked too.

    Raises:
        RequestError: if the path holds none of these.
    """
    path = place(path)
    return _VERIFIERS[kind_of(path)](path, progress or Silent())


def _verify_checkpoint(path: Path, progress: Progress) -> list[Problem]:
    problems: list[Problem] = []
    with noting(problems, path, path):
        Checkpoint.load(path)
    return problems


def _verify_table(path: Path, progress: Progress) -> list[Problem]:
    return check_table(path, path, progress, expected={})


def _verify_with_controls(path: Path, progress: Progress) -> list[Problem]:
    return verify_run(path, progress) + check_nulls(RunLayout(path), progress)


def _verify_runs(path: Path, progress: Progress) -> list[Problem]:
    return [
        problem.within(run.relative_to(path).as_posix())
        for run in runs_in(path)
        for problem in _verify_with_controls(run, progress)
    ]


_VERIFIERS: dict[str, Callable[[Any, Progress], list[Problem]]] = {
    STORE: verify_store,
    RUN: _verify_with_controls,
    RUNS: _verify_runs,
    CHECKPOINT: _verify_checkpoint,
    LATENT_TABLE: _verify_table,
}
