"""A finished evaluation, read back: numbers, per-latent table, examples."""

import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xc.evaluate.artefacts import provenance_path
from xc.store_schema import DamageError, RequestError, RunLayout

if TYPE_CHECKING:
    import pandas as pd  # imports slowly


@dataclass(frozen=True)
class Table:
    """A Parquet file of the evaluation, of which no more is read than is asked for."""

    path: Path
    """The file."""

    @property
    def names(self) -> list[str]:
        """Of the columns."""
        names: list[str] = self._footer.schema.to_arrow_schema().names
        return names

    @property
    def n_rows(self) -> int:
        """Rows, as the file says."""
        return int(self._footer.num_rows)

    def to_arrow(
        self, columns: Sequence[str] | None = None, *, where: pc.Expression | None = None
    ) -> pa.Table:
        """As a pyarrow table.

        Args:
            columns: which to read; None: all of them, kept for the next time.
            where: which rows, a condition on any columns; row groups that by their statistics hold
                none are not read.

        Raises:
            RequestError: if there is no such column.
            DamageError: if what is asked for cannot be read.
        """
        if columns is None and where is None:
            return self._whole
        for name in columns or ():
            self._check(name)
        return self._read(None if columns is None else list(columns), where)

    def to_pandas(self) -> "pd.DataFrame":
        """As a pandas frame; null becomes NaN."""
        frame: pd.DataFrame = self._whole.to_pandas()
        return frame

    def column(self, name: str) -> np.ndarray:
        """One column as NumPy, null as NaN; the others are not read.

        Raises:
            RequestError: if there is no such column.
            DamageError: if it cannot be read.
        """
        values: np.ndarray = self.to_arrow([name]).column(name).to_numpy()
        return values

    def is_empty(self, name: str) -> bool:
        """Whether a column of numbers or text is null in every row, as the file's statistics say.

        Raises:
            RequestError: if there is no such column.
        """
        self._check(name)
        told = list(self._statistics(name))
        if not all(found and found.has_null_count for found in told):
            return bool(self.to_arrow([name]).column(name).null_count == self.n_rows)
        return bool(sum(found.null_count for found in told) == self.n_rows)

    def _statistics(self, name: str) -> Iterator[Any]:
        """Of a column in every row group; None where the file was written without."""
        for i in range(self._footer.num_row_groups):
            group = self._footer.row_group(i)
            columns = map(group.column, range(group.num_columns))
            yield from (c.statistics for c in columns if c.path_in_schema == name)

    @cached_property
    def _footer(self) -> pq.FileMetaData:
        with self._readable():
            return pq.read_metadata(self.path)

    @cached_property
    def _whole(self) -> pa.Table:
        return self._read(None, None)

    def _read(self, columns: list[str] | None, where: pc.Expression | None) -> pa.Table:
        with self._readable():
            return pq.read_table(self.path, columns=columns, filters=where)

    def _check(self, name: str) -> None:
        if name not in self.names:
            raise RequestError(f"{self.path}: no column '{name}'; it has {', '.join(self.names)}")

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            text = " ".join(str(error).split())
            raise DamageError(
                f"{self.path}: unreadable ({text}); run `xc evaluate` again"
            ) from error


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
