"""Writing a store: the text first, then one shard of one source at a time, then the seal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xc.store_schema.atomic import PARTIAL, atomic_path, refusing, remove
from xc.store_schema.codecs import codec as codec_named
from xc.store_schema.errors import NumericalError, RequestError, XcError
from xc.store_schema.plan import StorePlan
from xc.store_schema.seal import has_vectors, merged_statistics, write_vectors
from xc.store_schema.source import Source, check_key
from xc.store_schema.statistics import moments
from xc.store_schema.store_layout import (
    SCHEMA_VERSION,
    check_attributes,
    count_shards,
    is_there,
    shard_file,
)
from xc.store_schema.stored_array import StoredArray
from xc.store_schema.write_text import write_text
from xc.store_schema.zarr_group import (
    create_activations,
    create_per_shard,
    get_array,
    open_group,
)

__all__ = ["SCHEMA_VERSION", "StoreWriter"]

_EVERY_CHUNK: Any = {"write_empty_chunks": True}
"""Spares Zarr the comparison of every chunk with the fill value, half of the time of writing."""


class StoreWriter:
    """Fills a store. Every write is atomic, so a killed writer leaves whole shards or none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._group = open_group(path, "r+")
        self._attributes: dict[str, Any] = dict(self._group.attrs)
        check_attributes(path, self._attributes)
        self._mask = StoredArray(path, "rows/mask")[:]

    @classmethod
    def create(cls, path: str | Path, plan: StorePlan) -> "StoreWriter":
        """Write the token part aside and rename it: a store that exists has all its text.

        Raises:
            RequestError: if something is at `path` already.
            XcError: if the disk refuses.
        """
        path = Path(path)
        if path.exists():
            raise RequestError(f"{path} exists already; choose another --store")
        with atomic_path(path) as aside:
            write_text(aside, plan)
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> "StoreWriter":
        """Continue an unfinished store; leftovers of a killed writer are removed.

        Of a complete store, a mean or variance that is gone is computed again.

        Raises:
            SchemaError: if there is no store, or one of a newer schema.
        """
        writer = cls(Path(path))
        for leftover in writer.path.rglob(f"*{PARTIAL}"):
            remove(leftover)
        if writer._lacks_vectors_alone():
            writer.seal()
        return writer

    @property
    def attributes(self) -> dict[str, Any]:
        """What the store says of itself."""
        return self._attributes

    @property
    def n_rows(self) -> int:
        """Rows of the store."""
        return int(self._attributes["n_rows"])

    @property
    def shard_rows(self) -> int:
        """Rows of a shard."""
        return int(self._attributes["shard_rows"])

    @property
    def n_shards(self) -> int:
        """Shards of each source."""
        return count_shards(self.n_rows, self.shard_rows)

    def shard_range(self, index: int) -> tuple[int, int]:
        """First row of a shard, and the row after its last.

        Raises:
            RequestError: if the store has no such shard.
        """
        if not 0 <= index < self.n_shards:
            raise RequestError(
                f"{self.path} has shards 0 to {self.n_shards - 1}; asked for {index}"
            )
        start = index * self.shard_rows
        return start, min(start + self.shard_rows, self.n_rows)

    def add_sources(
        self, sources: Sequence[Source], *, codec: str, tuples: Sequence[tuple[str, ...]]
    ) -> None:
        """Make room for further sources and note which belong together; known ones stay.

        Args:
            sources: what will be written.
            codec: name of a row of `codecs.CODECS`.
            tuples: keys that were asked for together, A first.

        Raises:
            RequestError: if a source of the same key was harvested otherwise.
            XcError: if the disk refuses.
        """
        known = {s["key"]: s for s in self._attributes["sources"]}
        for source in sources:
            check_key(source.key)
            old = known.get(source.key)
            if old is not None and old != source.to_dict():
                raise RequestError(_difference(self.path, old, source.to_dict()))
        added = [s for s in dict.fromkeys(sources) if s.key not in known]
        pairs = [list(t) for t in tuples]
        old_pairs = self._attributes["tuples"]
        with refusing(self.path):
            for source in added:
                self._make_arrays(source, codec)
            self._update(
                sources=[*self._attributes["sources"], *(s.to_dict() for s in added)],
                tuples=old_pairs + [p for p in pairs if p not in old_pairs],
                complete=bool(self._attributes["complete"]) and not added,
            )

    def missing(self, key: str) -> list[int]:
        """Indices of the shards of a source that are not on disk with their statistics."""
        return [i for i in range(self.n_shards) if not self._has(key, i)]

    def shard_path(self, key: str, index: int) -> Path:
        """The file that holds a shard."""
        return shard_file(self.path, key, index)

    def write_shard(self, key: str, index: int, rows: np.ndarray) -> None:
        """Write one shard: its statistics first, so that a shard on disk always has them.

        Args:
            key: the source.
            index: the shard.
            rows: all its rows [n, d_model], float32 or the stored type.

        Raises:
            RequestError: if the shape is not that of the shard.
            NumericalError: if a kept value is not finite in the stored type.
            XcError: if the disk refuses; what was written before is safe.
        """
        start, stop = self.shard_range(index)
        array = get_array(self._group, f"activations/{key}")
        expected = (stop - start, array.shape[1])
        if rows.shape != expected:
            raise RequestError(
                f"shard {index} of {key} has shape {list(expected)}; got {list(rows.shape)}"
            )
        with np.errstate(over="ignore", invalid="ignore"):  # told below, with the place
            stored = rows.astype(array.dtype, copy=False)
            sums = moments(stored, self._mask[start:stop]).pack()
        if not np.isfinite(sums).all():
            raise NumericalError(
                f"{key}: rows {start} to {stop} hold values that are not finite as {array.dtype}"
            )
        with refusing(f"{self.path}: shard {index} of {key}"):
            self.shard_path(key, index).unlink(missing_ok=True)  # Zarr would read it first
            get_array(self._group, f"statistics/{key}/per_shard")[index, :] = sums
            array.with_config(_EVERY_CHUNK)[start:stop] = stored

    def seal(self) -> None:
        """Merge the statistics and mark the store complete; does nothing to a sealed store.

        Raises:
            XcError: if shards are missing, or the disk refuses.
            DamageError: if statistics of a shard cannot be read.
        """
        for source in self._attributes["sources"]:
            if missing := self.missing(source["key"]):
                raise XcError(
                    f"{self.path}: {source['key']} has {self.n_shards - len(missing)} of "
                    f"{self.n_shards} shards; run the same `xc harvest` again to write the "
                    f"missing {len(missing)}"
                )
        with refusing(self.path):
            self._seal()

    def _seal(self) -> None:
        merged = {
            s["key"]: merged_statistics(self.path, s["key"], int(s["d_model"]))
            for s in self._attributes["sources"]
        }
        summary = {key: values.scalars() for key, values in merged.items()}
        if self._attributes["complete"] and self._attributes["statistics"] != summary:
            self._update(complete=False)
        for key, values in merged.items():
            write_vectors(self._group, self.path, key, values)
        if not self._attributes["complete"]:
            self._update(statistics=summary, complete=True)

    def _lacks_vectors_alone(self) -> bool:
        keys = [s["key"] for s in self._attributes["sources"]]
        return (
            bool(self._attributes["complete"])
            and not all(has_vectors(self.path, key) for key in keys)
            and not any(self.missing(key) for key in keys)
        )

    def _has(self, key: str, index: int) -> bool:
        of_statistics = self.path / "statistics" / key / "per_shard" / "c" / str(index) / "0"
        return is_there(self.shard_path(key, index)) and is_there(of_statistics)

    def _make_arrays(self, source: Source, codec: str) -> None:
        for folder in ("activations", "statistics"):
            remove(self.path / folder / source.key)
        shape = (self.n_rows, source.d_model)
        rows = (self.shard_rows, int(self._attributes["chunk_rows"]))
        create_per_shard(
            self._group, f"statistics/{source.key}/per_shard", (self.n_shards, 3 + 2 * shape[1])
        )
        create_activations(
            self._group, f"activations/{source.key}", shape, codec_named(codec), rows
        )

    def _update(self, **changes: Any) -> None:
        self._attributes = self._attributes | changes
        self._group.attrs.put(self._attributes)


def _difference(path: Path, old: dict[str, Any], new: dict[str, Any]) -> str:
    field = next(name for name in new if old.get(name) != new[name])
    return (
        f"{path}: holds {new['key']} with {field} {old.get(field)!r}; asked for {new[field]!r}; "
        "choose another --store"
    )
