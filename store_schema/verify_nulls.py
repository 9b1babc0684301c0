"""Whether the null controls that a run keeps are whole: their runs, and stores made for them."""

from collections.abc import Callable, Iterator
from pathlib import Path

from xc.store_schema.activation_store import ActivationStore
from xc.store_schema.errors import SchemaError
from xc.store_schema.kinds import runs_in
from xc.store_schema.problem import Problem, noting
from xc.store_schema.progress import Progress
from xc.store_schema.run_layout import RunLayout
from xc.store_schema.verify_files import check_object
from xc.store_schema.verify_run import verify_run
from xc.store_schema.verify_store import verify_store

UNFINISHED = "unfinished; the same `xc null` goes on with it"
"""What is said of a run or store of a control that is not damaged."""


def runs_of_controls(run: RunLayout) -> list[Path]:
    """Folders of the runs that `xc null` trained, finished or not."""
    return runs_in(run.nulls)


def stores_of_controls(run: RunLayout) -> list[Path]:
    """Folders of the stores that `xc null` wrote, finished or not."""
    return sorted(run.nulls.glob("*/*.zarr"))


def check_nulls(run: RunLayout, progress: Progress) -> list[Problem]:
    """Everything wrong with the null controls of a run, by file; nothing if it has none.

    Args:
        run: the run they were made of.
        progress: told of what is read.
    """
    problems: list[Problem] = []
    for note in sorted(run.nulls.glob("*/made_from.json")):
        with noting(problems, run.root, note):
            check_object(note)
    for path, check in _kept(run):
        name = path.relative_to(run.root).as_posix()
        problems += (problem.within(name) for problem in check(path, progress))
    return problems


def _kept(run: RunLayout) -> Iterator[tuple[Path, Callable[[Path, Progress], list[Problem]]]]:
    """Each run and store, and how it is checked."""
    yield from ((path, _check_run) for path in runs_of_controls(run))
    yield from ((path, _check_store) for path in stores_of_controls(run))


def _check_run(path: Path, progress: Progress) -> list[Problem]:
    if not RunLayout(path).checkpoint.is_dir():
        return [Problem(".", UNFINISHED)]
    return verify_run(path, progress)


def _check_store(path: Path, progress: Progress) -> list[Problem]:
    try:
        if not ActivationStore.open(path, allow_incomplete=True).complete:
            return [Problem(".", UNFINISHED)]
        return verify_store(path, progress)
    except SchemaError as error:
        return [Problem("zarr.json", str(error).removeprefix(f"{path}: "))]
