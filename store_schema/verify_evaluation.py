"""Whether the files of `xc evaluate` and `xc null` can be read, and how damaged ones come back."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from xc.store_schema.errors import SchemaError
from xc.store_schema.problem import Problem, noting
from xc.store_schema.run_layout import RunLayout
from xc.store_schema.verify_files import (
    check_arrays,
    check_object,
    check_settings,
    read_json,
    read_parquet,
)

_EVALUATE = "delete it and run `xc evaluate` again: it will be measured again"
_SPLICED = "delete it and run `xc evaluate --ce` again: the models are run again"
_NULL = "delete it and run `xc null` again: controls that are finished are not trained again"


def check_evaluation(run: RunLayout, d_sae: int | None) -> list[Problem]:
    """Everything wrong in the folder of a run's evaluation; nothing if it was never evaluated.

    Args:
        run: the run.
        d_sae: number of latents; None if it is not known.
    """
    problems: list[Problem] = []
    if not run.evaluation.is_dir():
        return problems
    with noting(problems, run.root, run.summary):
        _check_summary(read_json(run.summary))
    with noting(problems, run.root, run.latents_parquet):
        _check_latents(run.latents_parquet, d_sae)
    for file, check, remedy in _others(run):
        with noting(problems, run.root, file):
            _mendable(check, file, remedy)
    return problems


def _others(run: RunLayout) -> Iterator[tuple[Path, Callable[[Path], object], str]]:
    """Files that are there, how each is checked, how it is mended; older evaluations lack some."""
    files: list[tuple[Path, Callable[[Path], object], str]] = [
        *((file, read_parquet, _EVALUATE) for file in (run.examples, run.nu_curves, run.twins)),
        (run.evaluation_config, check_settings, _EVALUATE),
        (run.provenance, check_object, _EVALUATE),
        (run.nulls_json, check_object, _NULL),
        (run.reproduced, read_parquet, _NULL),
        *((file, check_arrays, _EVALUATE) for file in sorted(run.passes.rglob("*.npz"))),
        *((file, read_parquet, _SPLICED) for file in sorted(run.ce.glob("*.parquet"))),
    ]
    return (found for found in files if found[0].exists())


def _mendable(check: Callable[[Path], object], file: Path, remedy: str) -> None:
    try:
        check(file)
    except SchemaError as error:
        raise SchemaError(f"{error}; {remedy}") from error


def _check_summary(summary: Any) -> None:
    if not isinstance(summary, dict):
        raise SchemaError("expected one JSON object")
    for key, value in summary.items():
        if not _is_allowed(key, value):
            raise SchemaError(f"'{key}' is {value!r:.80}; expected a finite number or null")


def _is_allowed(key: str, value: Any) -> bool:
    if key == "not_measured":
        return isinstance(value, dict)
    if key.endswith("_ci"):
        return value is None or (isinstance(value, list) and all(map(_is_number, value)))
    return value is None or _is_number(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _check_latents(file: Path, d_sae: int | None) -> None:
    table = read_parquet(file)
    if "latent" not in table.column_names:
        raise SchemaError(f"{file}: has no column 'latent'")
    if d_sae is not None and table.num_rows != d_sae:
        raise SchemaError(f"{file}: {table.num_rows} rows; expected one for each of {d_sae}")
