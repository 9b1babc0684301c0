"""A finished evaluation, read back: numbers, per-latent table, examples."""

import json
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from xc.evaluate.artefacts import provenance_path
from xc.store_schema import DamageError, RequestError, RunLayout


@dataclass(frozen=True)
class Table:
    """A Parquet file of the evaluation, read when first asked for."""

    path: Path
    """The file."""

    @cached_property
    def _table(self) -> pa.Table:
        try:
            return pq.read_table(self.path)
        except (pa.ArrowException, OSError) as error:
            raise DamageError(
                f"{self.path}: unreadable ({error}); run `xc evaluate` again"
            ) from error

    def to_arrow(self) -> pa.Table:
        """As a pyarrow table."""
        return self._table

    def to_pandas(self) -> pd.DataFrame:
        """As a pandas frame; null becomes NaN."""
        frame: pd.DataFrame = self._table.to_pandas()
        return frame

    def column(self, name: str) -> np.ndarray:
        """One column as NumPy, null as NaN.

        Raises:
            RequestError: if there is no such column.
        """
        if name not in self._table.column_names:
            known = ", ".join(self._table.column_names)
            raise RequestError(f"{self.path}: no column '{name}'; it has {known}")
        values: np.ndarray = self._table.column(name).to_numpy()
        return values


@dataclass(frozen=True)
class Evaluation:
    """What `xc evaluate` found out about a run."""

    run: RunLayout
    """Where it lies."""

    @classmethod
    def open(cls, run: str | Path) -> "Evaluation":
        """Open the evaluation of a run's folder.

        Raises:
            RequestError: if the run was not evaluated, or not to the end.
        """
        layout, named = RunLayout(Path(run)), shlex.quote(str(run))
        for path in (layout.summary, layout.latents_parquet):
            if not path.is_file():
                raise RequestError(f"{path}: not there; run `xc evaluate --run {named}` first")
        if not provenance_path(layout).is_file():
            raise RequestError(
                f"{layout.evaluation}: the evaluation was interrupted while it was written; run "
                f"the same `xc evaluate --run {named}` again"
            )
        return cls(layout)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The object of summary.json: key to number, null or interval.

        Raises:
            DamageError: if it is no JSON.
        """
        return _read_json(self.run.summary)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """The object of provenance.json: what it was made from; empty if it is not told.

        Raises:
            DamageError: if it is no JSON.
        """
        path = provenance_path(self.run)
        return _read_json(path) if path.is_file() else {}

    @cached_property
    def latents(self) -> Table:
        """One row per latent."""
        return Table(self.run.latents_parquet)

    @cached_property
    def twins(self) -> Table:
        """Pairs of exclusive latents that point the same way."""
        return Table(self.run.twins)

    @cached_property
    def nu_curves(self) -> Table:
        """How many latents of each class have a ν below each threshold."""
        return Table(self.run.nu_curves)

    @cached_property
    def examples(self) -> Table:
        """Max-activating rows of the latents that the report shows."""
        return Table(self.run.examples)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamageError(f"{path}: unreadable ({error}); run `xc evaluate` again") from error
    return found
