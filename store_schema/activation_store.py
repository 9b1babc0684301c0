"""Read view of a store: sources, rows, sequences, masks, statistics, splits."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from xc.store_schema.activations import Activations, RawActivations
from xc.store_schema.as_dask import as_dask
from xc.store_schema.atomic import canonical_json
from xc.store_schema.errors import DamageError, RequestError, SchemaError
from xc.store_schema.plan import SPLIT_NAMES
from xc.store_schema.settings import suggestion
from xc.store_schema.source import Source
from xc.store_schema.statistics import SourceStatistics
from xc.store_schema.store_writer import KIND, SCHEMA_VERSION
from xc.store_schema.vocabulary import Vocabulary
from xc.store_schema.zarr_group import get_array, open_group

_NEEDED = ("schema_version", "n_rows", "sources", "tuples", "splits", "fingerprint", "complete")


@dataclass(frozen=True)
class Rows:
    """The row table; each column is read from disk when sliced."""

    sequence: zarr.Array[Any]
    """int64 [n_rows]."""
    position: zarr.Array[Any]
    """int32 [n_rows], index of the token in its sequence."""
    token_id: zarr.Array[Any]
    """int32 [n_rows]."""
    mask: zarr.Array[Any]
    """bool [n_rows]; False where a row takes part in nothing by default."""


@dataclass(frozen=True)
class Sequences:
    """The text as run."""

    token_ids: zarr.Array[Any]
    """int32 [n_tokens], lazily read."""
    token_offsets: np.ndarray
    """int64 [n + 1]."""
    row_offsets: np.ndarray
    """int64 [n + 1]."""
    document: np.ndarray
    """int64 [n]."""
    split: np.ndarray
    """uint8 [n]: 0 train, 1 held out."""

    @property
    def n(self) -> int:
        """Number of sequences."""
        return len(self.token_offsets) - 1

    def tokens(self, index: int) -> np.ndarray:
        """int32 ids of one sequence, BOS included."""
        start, stop = self.token_offsets[index], self.token_offsets[index + 1]
        return np.asarray(self.token_ids[int(start) : int(stop)])


class ActivationStore:
    """An activation store, opened for reading. Cheap to pickle: it reopens by path."""

    def __init__(self, path: Path, *, allow_incomplete: bool = False) -> None:
        self.path = path
        self._group = open_group(path, "r")
        self.attributes: dict[str, Any] = dict(self._group.attrs)
        _check(path, self.attributes)
        self.sources = tuple(Source.from_dict(s) for s in self.attributes["sources"])
        self._allow_incomplete = allow_incomplete
        if not allow_incomplete:
            self._check_whole()

    @classmethod
    def open(cls, path: str | Path, *, allow_incomplete: bool = False) -> "ActivationStore":
        """Open a store.

        Raises:
            SchemaError: if there is none, or one of a newer schema.
            RequestError: if it is incomplete and `allow_incomplete` is not set.
            DamageError: if it says complete and a shard is not there.
        """
        return cls(Path(path), allow_incomplete=allow_incomplete)

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
        return math.ceil(self.n_rows / self.shard_rows)

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

        A checkpoint keeps it, so that it is never evaluated on other activations.
        """
        statistics = self.attributes.get("statistics", {})
        parts = [[self.source(k).to_dict(), statistics.get(k)] for k in keys]
        text = canonical_json([self.fingerprint, parts])
        return hashlib.sha256(text.encode()).hexdigest()

    def source(self, key: str) -> Source:
        """Look a source up by its key.

        Raises:
            RequestError: if the store does not hold it.
        """
        for source in self.sources:
            if source.key == key:
                return source
        known = [s.key for s in self.sources]
        raise RequestError(f"{self.path} holds no source '{key}'{suggestion(key, known)}")

    def activations(self, key: str) -> Activations:
        """Activations [n_rows, d_model] as float32 on slicing; `.raw` in the stored type."""
        return Activations(RawActivations(self.path, self.source(key).key))

    def dask(self, key: str) -> Any:
        """The same as a Dask array, one block per shard."""
        name = f"xc-{self.fingerprint_of([key])[:16]}-{key}"
        return as_dask(self.activations(key), shard_rows=self.shard_rows, name=name)

    @cached_property
    def rows(self) -> Rows:
        """The row table."""
        names = ("sequence", "position", "token_id", "mask")
        return Rows(*(get_array(self._group, f"rows/{name}") for name in names))

    @cached_property
    def sequences(self) -> Sequences:
        """The text as run."""
        loaded = (
            np.asarray(get_array(self._group, f"sequences/{name}")[:])
            for name in ("token_offsets", "row_offsets", "document", "split")
        )
        return Sequences(get_array(self._group, "sequences/token_ids"), *loaded)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Text of every token id."""
        data, offsets = (
            np.asarray(get_array(self._group, f"vocabulary/{name}")[:])
            for name in ("bytes", "offsets")
        )
        return Vocabulary(data, offsets)

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
        return tuple(piece for a, b in ranges for piece in _cut(a, b, self.shard_rows))

    def statistics(self, key: str) -> SourceStatistics:
        """Statistics of a source over the rows that the default mask keeps.

        Raises:
            RequestError: if the store is not sealed yet.
        """
        scalars = self.attributes["statistics"].get(self.source(key).key)
        if scalars is None:
            raise RequestError(f"{self.path}: no statistics of {key} yet; finish `xc harvest`")
        mean, variance = (
            np.asarray(get_array(self._group, f"statistics/{key}/{name}")[:])
            for name in ("mean", "variance")
        )
        return SourceStatistics(
            int(scalars["n"]), mean, variance, scalars["mean_norm"], scalars["rms_norm"]
        )

    def shard_path(self, key: str, index: int) -> Path:
        """The file that holds a shard."""
        return self.path / "activations" / key / "c" / str(index) / "0"

    def missing_shards(self, key: str) -> list[int]:
        """Indices of the shards that are not on disk."""
        return [i for i in range(self.n_shards) if not self.shard_path(key, i).is_file()]

    def _check_whole(self) -> None:
        for source in self.sources:
            missing = self.missing_shards(source.key)
            if missing and self.complete:
                raise DamageError(
                    f"{self.path}: shard {missing[0]} of {source.key} is gone "
                    f"({len(missing)} of {self.n_shards} missing); run the same `xc harvest` again"
                )
        if not self.complete or not self.sources:
            have = sum(self.n_shards - len(self.missing_shards(s.key)) for s in self.sources)
            total = self.n_shards * len(self.sources)
            raise RequestError(
                f"{self.path} is incomplete ({have} of {total} shards); "
                "run the same `xc harvest` again to finish it"
            )


def _reopen(path: Path, allow_incomplete: bool) -> ActivationStore:
    return ActivationStore(path, allow_incomplete=allow_incomplete)


def _check(path: Path, attributes: dict[str, Any]) -> None:
    if attributes.get("kind") != KIND:
        raise SchemaError(f"{path}: a Zarr group, but no activation store of xc")
    version = attributes.get("schema_version")
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise SchemaError(
            f"{path}: schema version {version!r}; this xc reads up to {SCHEMA_VERSION}; upgrade xc"
        )
    for name in _NEEDED:
        if name not in attributes:
            raise SchemaError(f"{path}: the store's attributes lack '{name}'")


def _cut(start: int, stop: int, size: int) -> list[tuple[int, int]]:
    borders = [start, *range((start // size + 1) * size, stop, size), stop]
    return [(a, b) for a, b in pairwise(borders) if b > a]
