"""What an artefact is, told by the files in its folder."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from xc.store_schema.checkpoint_io import CONFIG, TENSORS
from xc.store_schema.errors import RequestError
from xc.store_schema.latent_part import PATTERN
from xc.store_schema.places import Place, has_file

STORE, RUN, CHECKPOINT, LATENT_TABLE = "store", "run", "checkpoint", "latent table"
RUNS = "runs"
"""A folder of runs, such as a sweep, or of sweeps."""
_DEPTH = 4
"""How far down runs are looked for."""


def kind_of(path: Place) -> str:
    """Kind of the artefact at a path: store, run, checkpoint, latent table, or a folder of runs.

    Raises:
        RequestError: if there is nothing, or nothing of xc.
    """
    if not isinstance(path, Path):  # only stores may lie elsewhere
        if has_file(path / "zarr.json"):
            return STORE
        raise RequestError(f"{path}: expected an activation store, found none")
    if not path.exists():
        raise RequestError(f"{path}: there is nothing here")
    if _is_evaluation(path):
        raise RequestError(f"{path}: the evaluation of {path.parent}; give that folder")
    if path.is_dir():
        for kind, holds in _KINDS.items():
            if holds(path):
                return kind
    raise RequestError(
        f"{path}: expected the folder of a store, a run, a checkpoint or a latent table, or of runs"
    )


def _is_store(path: Path) -> bool:
    return (path / "zarr.json").is_file()


def _is_checkpoint(path: Path) -> bool:
    return (path / CONFIG).is_file() or (path / TENSORS).is_file()


def _is_latent_table(path: Path) -> bool:
    return any(path.glob(PATTERN))


def _is_run(path: Path) -> bool:
    return any((path / n).exists() for n in ("config.yaml", "checkpoint", "state", "evaluation"))


def _is_evaluation(path: Path) -> bool:
    told = any((path / name).is_file() for name in ("summary.json", "provenance.json"))
    return told and path.absolute().name == "evaluation" and _is_run(path.absolute().parent)


def runs_in(path: Path) -> list[Path]:
    """The runs in a folder and in the folders there, such as sweeps, four levels down at most.

    In order of their paths; numbers in names go by size. What lies in a run or in a store is part
    of that, so neither is looked into; runs that have only begun count.
    """
    found = _runs_below(path, _DEPTH)
    return sorted(found, key=lambda run: [_by_size(part) for part in run.parts])


def _runs_below(path: Path, depth: int) -> Iterator[Path]:
    """Nothing inside of runs and stores; links are followed to runs only."""
    for below in _folders(path):
        if (below / "config.yaml").is_file() or (below / "checkpoint").is_dir():
            yield below
        elif depth > 1 and not below.is_symlink() and not _is_store(below):
            yield from _runs_below(below, depth - 1)


def _folders(path: Path) -> list[Path]:
    """Folders in a folder; none where none can be read."""
    try:
        return [p for p in path.iterdir() if p.name[0] != "." and p.is_dir()]
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        return []


def _has_runs(path: Path) -> bool:
    return next(_runs_below(path, _DEPTH), None) is not None


_NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


def _by_size(name: str) -> tuple[list[tuple[str, float]], str]:
    """Sorts texts by letters and numbers by size; equal numbers by how they are written."""
    parts = [*_NUMBER.split(name), "0"]  # text and number in turn, text last
    pairs = zip(parts[::2], map(float, parts[1::2]), strict=True)
    return list(pairs), name


_KINDS: dict[str, Callable[[Path], object]] = {
    STORE: _is_store,
    CHECKPOINT: _is_checkpoint,
    LATENT_TABLE: _is_latent_table,
    RUN: _is_run,
    RUNS: _has_runs,
}
