"""Reading held-out rows for a task: activations, latents and sequences of a block, tile by tile."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from xc.evaluate.blocks import Range, cut
from xc.evaluate.decoder import Decoder
from xc.evaluate.latent_rows import LatentRows
from xc.evaluate.row_block import RowBlock
from xc.store_schema import (
    ActivationStore,
    Checkpoint,
    DamageError,
    LatentTable,
    NumericalError,
    RowFilter,
    RunLayout,
)
from xc.store_schema.places import Place

READ_ROWS = 16384
"""Rows whose latents are in memory at a time; with 64 a row what a row group of the table holds, so
that hardly any is read twice."""


@dataclass(frozen=True)
class Reader:
    """Opens what a task needs by path, so that it travels to other processes in a few bytes."""

    store_path: Place
    """The store."""
    run_path: Path
    """The run."""
    tile_rows: int
    """Rows of activations in memory at a time."""
    keep: tuple[str, ...] = ()
    """Roles and parts of the corpus to narrow the run's rows to; none: all of them."""

    def __getstate__(self) -> dict[str, object]:
        names = ("store_path", "run_path", "tile_rows", "keep")
        return {name: self.__dict__[name] for name in names}

    @cached_property
    def store(self) -> ActivationStore:
        """The opened store."""
        return ActivationStore.open(self.store_path)

    @cached_property
    def table(self) -> LatentTable:
        """The opened latent table."""
        return LatentTable.open(RunLayout(self.run_path).latents)

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint."""
        return Checkpoint.load(RunLayout(self.run_path).checkpoint)

    @cached_property
    def decoder(self) -> Decoder:
        """Its decoder, as normalised in training."""
        return Decoder.of(self.checkpoint)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Store keys of the sources, A first; two may be the same."""
        return tuple(s.key for s in self.checkpoint.sources)

    @property
    def row_filter(self) -> RowFilter:
        """The run's: which rows its latent table covers."""
        return self.table.row_filter

    @property
    def narrowing(self) -> RowFilter:
        """What narrows them further."""
        return RowFilter(self.keep, drop_sinks=False)

    @cached_property
    def centre(self) -> tuple[np.ndarray, ...]:
        """A point near the mean activation of each source, normalised, float64."""
        means = (self.store.centre(key) for key in self.keys)
        return tuple(
            self.decoder.normalise(mean, m).astype(np.float64) for m, mean in enumerate(means)
        )

    def kept(self, start: int, stop: int) -> np.ndarray:
        """bool [stop - start]: the rows [start, stop) that take part."""
        mask = self.row_filter.mask(self.store, self.keys, start, stop)
        if self.keep:
            mask &= self.narrowing.mask(self.store, self.keys, start, stop)
        return mask

    def pieces(self, start: int, stop: int) -> tuple[Range, ...]:
        """The rows [start, stop) in whole tiles, about `READ_ROWS` at a time: blocks may be large,
        and what a task holds does not grow with them."""
        return cut(start, stop, max(READ_ROWS // self.tile_rows, 1) * self.tile_rows)

    def tiles(self, start: int, stop: int) -> Iterator[RowBlock]:
        """The rows [start, stop) that take part, as tiles in order."""
        for piece in self.pieces(start, stop):
            yield from self._tiles_of(*piece)

    def _tiles_of(self, start: int, stop: int) -> Iterator[RowBlock]:
        latents = self.latents(start, stop)
        mask, rows = self.kept(start, stop), self.store.rows
        columns = {"sequence": rows.sequence, "role": rows.role, "corpus": rows.corpus}
        read = {name: np.asarray(column[start:stop]) for name, column in columns.items()}
        for a, b in cut(start, stop, self.tile_rows):
            own = slice(a - start, b - start)
            fired = latents.slice(a - start, b - start).keep(mask[own])
            labels = {name: column[own][mask[own]] for name, column in read.items()}
            yield self._tile(a, b, mask[own], labels, fired)

    def tiles_by_group(
        self, start: int, stop: int, group_of: np.ndarray
    ) -> Iterator[tuple[int, RowBlock]]:
        """The same rows, each tile taken apart by group; groups in order within a tile.

        Args:
            start: first row.
            stop: row behind the last.
            group_of: int [n_sequences], the group of each sequence.
        """
        for tile in self.tiles(start, stop):
            group = group_of[tile.sequence]
            for number in np.unique(group):
                yield int(number), tile.cut(group == number)

    def latents(self, start: int, stop: int) -> LatentRows:
        """Latents of the rows [start, stop), whether they take part or not.

        Raises:
            NumericalError: if one is NaN, infinite or negative.
            DamageError: if one is of a latent that the table says it does not have.
        """
        indptr, latent, activation = self.table.csr(start, stop)
        if len(latent) and not (latent.min() >= 0 and latent.max() < self.table.d_sae):
            raise DamageError(
                f"{self.table.folder}: rows {start} to {stop} hold latents outside 0 to "
                f"{self.table.d_sae}; run the same `xc train` again"
            )
        if not (np.isfinite(activation).all() and (activation >= 0).all()):
            raise NumericalError(
                f"{self.table.folder}: rows {start} to {stop} hold latents that are NaN, infinite "
                "or negative; train again"
            )
        return LatentRows(indptr, latent, activation, self.table.d_sae)

    def _tile(
        self,
        start: int,
        stop: int,
        mask: np.ndarray,
        labels: dict[str, np.ndarray],
        latents: LatentRows,
    ) -> RowBlock:
        def load() -> tuple[np.ndarray, ...]:
            return self.activations(start, stop, mask)

        sequence = labels.pop("sequence")
        return block_type()(start, stop, sequence, latents, self.decoder, load, self.centre, labels)

    def activations(self, start: int, stop: int, mask: np.ndarray) -> tuple[np.ndarray, ...]:
        """Normalised activations of the kept rows, per source; a source named twice is read once.

        Raises:
            NumericalError: naming the first row and source that is not finite.
        """
        raw = {key: self._read(key, start, stop, mask) for key in dict.fromkeys(self.keys)}
        return tuple(self.decoder.normalise(raw[key], m) for m, key in enumerate(self.keys))

    def _read(self, key: str, start: int, stop: int, mask: np.ndarray) -> np.ndarray:
        rows = self.store.activations(key)[start:stop]
        if not mask.all():
            rows = rows[mask]
        if not np.isfinite(rows).all():
            bad = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            row = start + int(np.flatnonzero(mask)[bad])
            raise NumericalError(
                f"{self.store_path}: row {row} of {key} is not finite; harvest it again or mask it"
            )
        return rows


@cache
def block_type() -> type[RowBlock]:
    """Tiles that numba measures, or those that SciPy does."""
    try:
        from xc.evaluate.compiled_block import CompiledBlock  # noqa: PLC0415
    except (ImportError, RuntimeError):  # no numba, not for this NumPy, or nowhere to keep code
        return RowBlock
    return CompiledBlock
