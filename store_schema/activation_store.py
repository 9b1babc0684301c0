"""Read view of a store: sources, rows, sequences, masks, statistics, splits."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from xc.store_schema.activations import Activations
from xc.store_schema.as_dask import as_dask
from xc.store_schema.atomic import canonical_json
from xc.store_schema.derived import (
    Column,
    Derived,
    RowArray,
    derived_source,
    norms_of,
    parse,
    spaced,
)
from xc.store_schema.derived_view import (
    centre_of,
    norms_of_derived,
    rows_of,
    sinks_of,
    statistics_of,
)
from xc.store_schema.errors import DamageError, RequestError, SchemaError
from xc.store_schema.places import Place, place
from xc.store_schema.plan import SPLIT_NAMES
from xc.store_schema.rows import (
    Rows,
    Sequences,
    Zeros,
    open_rows,
    read_sequences,
    read_vocabulary,
)
from xc.store_schema.settings import suggestion
from xc.store_schema.source import Source
from xc.store_schema.statistics import SCALARS, SourceStatistics, read_scalars
from xc.store_schema.store_layout import (
    JOURNAL,
    check_attributes,
    count_shards,
    cut,
    missing_shards,
    shard_file,
)
from xc.store_schema.stored_array import StoredArray
from xc.store_schema.vocabulary import Vocabulary
from xc.store_schema.zarr_group import open_group

NORMS_SINCE = 2
"""Version of the store from which on it keeps the norm of each row."""


class ActivationStore:
    """An activation store, opened for reading. Cheap to pickle: it reopens by path."""

    def __init__(self, path: Place, *, allow_incomplete: bool = False) -> None:
        self.path = path
        self.attributes: dict[str, Any] = dict(open_group(path, "r").attrs)
        if isinstance(path, Path) and (path / JOURNAL).exists():
            raise RequestError(f"{path} is being extended; run the same `xc harvest` again")
        check_attributes(path, self.attributes)
        self.sources = tuple(Source.from_dict(s) for s in self.attributes["sources"])
        self._allow_incomplete = allow_incomplete
        self._sinks: dict[str, Column] = {}
        self._statistics: dict[str, SourceStatistics] = {}
        if not allow_incomplete:
            self._check_whole()

    @classmethod
    def open(cls, path: str | Place, *, allow_incomplete: bool = False) -> "ActivationStore":
        """Open a store.

        Raises:
            SchemaError: if there is none, or one of a newer schema.
            RequestError: if it is incomplete and `allow_incomplete` is not set.
            DamageError: if it says complete and a shard is not there.
        """
        return cls(place(path), allow_incomplete=allow_incomplete)

    @cached_property
    def _opened(self) -> dict[str, Activations]:
        return {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.path, self._allow_incomplete)

    @property
    def complete(self) -> bool:
        """Whether every shard of every source was written and sealed."""
        return bool(self.attributes["complete"])

    @property
    def n_rows(self) -> int:
        """Rows; the same for all sources."""
        return int(self.attributes["n_rows"])

    @property
    def shard_rows(self) -> int:
        """Rows of a shard."""
        return int(self.attributes["shard_rows"])

    @property
    def chunk_rows(self) -> int:
        """Rows of a chunk, the unit of reading."""
        return int(self.attributes["chunk_rows"])

    @property
    def n_shards(self) -> int:
        """Shards of each source."""
        return count_shards(self.n_rows, self.shard_rows)

    @property
    def tuples(self) -> tuple[tuple[str, ...], ...]:
        """Keys of the sources that were asked for together, A first."""
        return tuple(tuple(t) for t in self.attributes["tuples"])

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) of the text and its rows; adding a source does not change it."""
        return str(self.attributes["fingerprint"])

    def fingerprint_of(self, keys: Sequence[str]) -> str:
        """sha256 (hex) of the rows and of these sources as harvested, their statistics included.

        A checkpoint keeps it, so that it is never evaluated on other activations. A derived source
        is identified by its parts: beside it stands a list of them, each with its statistics.
        """
        text = canonical_json([self.fingerprint, [self._identity(k) for k in keys]])
        return hashlib.sha256(text.encode()).hexdigest()

    def _identity(self, key: str) -> list[Any]:
        derived = self._derived(key)
        if derived is not None:
            return [self.source(key).to_dict(), [self._identity(k) for k in derived.keys]]
        return [self.source(key).to_dict(), self.attributes["statistics"].get(key)]

    def source(self, key: str) -> Source:
        """Look a source up by its key, a stored one or one derived of stored ones (`A - B`).

        Raises:
            RequestError: if the store does not hold it, or it cannot be derived.
        """
        derived = self._derived(key)
        if derived is None:
            return self._stored(key)
        return derived_source(derived, [self._stored(k) for k in derived.keys])

    def _derived(self, key: str) -> Derived | None:
        """What a key is derived of; None for a stored one, whatever its name looks like."""
        return None if any(s.key == key for s in self.sources) else parse(key)

    def _stored(self, key: str) -> Source:
        for source in self.sources:
            if source.key == key:
                return source
        known = [s.key for s in self.sources]
        derived = spaced(key, known)
        hint = f"; write '{derived}', with spaces" if derived else suggestion(key, known)
        raise RequestError(f"{self.path} holds no source '{key}'{hint}")

    def activations(self, key: str) -> Activations:
        """Activations [n_rows, d_model] as float32 on slicing; `.raw` in the stored type.

        Rows that were not written yet read as NaN; in a complete store their absence is an error.
        """
        name = self.source(key).key
        if name not in self._opened:  # once, as it remembers which checksums were right
            self._opened[name] = Activations(self._rows_of(name))
        return self._opened[name]

    def _rows_of(self, key: str) -> RowArray:
        derived = self._derived(key)
        if derived is not None:
            return rows_of(self, derived)
        return StoredArray(self.path, f"activations/{key}", whole=self.complete)

    def dask(self, key: str) -> Any:
        """The same as a Dask array, one block per shard."""
        name = f"xc-{self.fingerprint_of([key])[:16]}-{key}"
        return as_dask(self.activations(key), shard_rows=self.shard_rows, name=name)

    @cached_property
    def rows(self) -> Rows:
        """The row table."""
        return open_rows(self.path)

    @cached_property
    def sequences(self) -> Sequences:
        """The text as run."""
        return read_sequences(self.path)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Text of every token id."""
        return read_vocabulary(self.path)

    @property
    def splits(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """Row ranges of `train` and `heldout`."""
        return {
            name: tuple((int(a), int(b)) for a, b in ranges)
            for name, ranges in self.attributes["splits"].items()
        }

    def blocks(self, split: str | None = None) -> tuple[tuple[int, int], ...]:
        """Row ranges of a split (or of all rows), cut at the borders of shards.

        Raises:
            RequestError: if there is no such split.
        """
        if split is None:
            ranges: tuple[tuple[int, int], ...] = ((0, self.n_rows),)
        elif split in self.splits:
            ranges = self.splits[split]
        else:
            raise RequestError(f"no split '{split}'{suggestion(split, SPLIT_NAMES)}")
        return tuple(piece for a, b in ranges for piece in cut(a, b, self.shard_rows))

    def sinks(self, key: str) -> Column:
        """bool [n_rows]: the rows that are attention sinks (of a derived source, of any part);
        `Zeros` in a store of version 1."""
        name = self.source(key).key
        if name not in self._sinks:
            self._sinks[name] = self._sinks_of(name)
        return self._sinks[name]

    def _sinks_of(self, key: str) -> Column:
        derived = self._derived(key)
        if derived is not None:
            return sinks_of(self, derived)
        flagged = "sinks" in self.attributes["statistics"].get(key, {})
        return StoredArray(self.path, f"sinks/{key}") if flagged else Zeros(self.n_rows)

    def norms(self, key: str) -> Column:
        """float32 [n_rows]: the Euclidean norm of every row, those of the mask too."""
        derived = self._derived(self.source(key).key)
        if derived is not None:
            return norms_of_derived(self, derived)
        if int(self.attributes["schema_version"]) < NORMS_SINCE:
            return norms_of(self.activations(key).raw)
        return StoredArray(self.path, f"norms/{key}")

    def centre(self, key: str) -> np.ndarray:
        """A point near the mean of a source, float64 [d_model], without a pass over its rows."""
        derived = self._derived(self.source(key).key)
        return self.statistics(key).mean if derived is None else centre_of(self, derived)

    def statistics(self, key: str) -> SourceStatistics:
        """Statistics of a source over the rows that the default mask keeps.

        Those of a derived source are computed when they are first asked for; of a difference that
        takes a pass over the rows.

        Raises:
            RequestError: if the store is not sealed yet.
        """
        name = self.source(key).key
        if name not in self._statistics:
            derived = self._derived(name)
            self._statistics[name] = (
                self._read_statistics(name) if derived is None else statistics_of(self, derived)
            )
        return self._statistics[name]

    def _read_statistics(self, key: str) -> SourceStatistics:
        scalars = self.attributes["statistics"].get(key)
        if scalars is None:
            raise RequestError(f"{self.path}: no statistics of {key} yet; finish `xc harvest`")
        mean, variance = (
            StoredArray(self.path, f"statistics/{key}/{name}")[:] for name in ("mean", "variance")
        )
        try:
            return read_scalars(scalars, mean, variance)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            text = f"expected {', '.join(SCALARS)} and what else SPEC.md names"
            raise SchemaError(f"{self.path}: statistics of {key}: {text}") from error

    def shard_path(self, key: str, index: int) -> Place:
        """The file that holds a shard."""
        return shard_file(self.path, key, index)

    def missing_shards(self, key: str) -> list[int]:
        """Indices of the shards that are not on disk."""
        return missing_shards(self.path, key, self.n_shards)

    def _check_whole(self) -> None:
        missing = {s.key: self.missing_shards(s.key) for s in self.sources}
        if self.complete:
            for key, indices in missing.items():
                if indices:
                    raise DamageError(
                        f"{self.shard_path(key, indices[0])} is gone or empty ({len(indices)} of "
                        f"{self.n_shards} shards of {key}); run the same `xc harvest` again"
                    )
        if not self.complete or not self.sources:
            total = self.n_shards * len(self.sources)
            have = total - sum(map(len, missing.values()))
            raise RequestError(
                f"{self.path} is incomplete ({have} of {total} shards); "
                "run the same `xc harvest` again to finish it"
            )


def _reopen(path: Place, allow_incomplete: bool) -> ActivationStore:
    return ActivationStore(path, allow_incomplete=allow_incomplete)
