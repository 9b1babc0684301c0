"""Writing a store: the text first, then one shard of one source at a time, then the seal."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from xc.store_schema import statistics
from xc.store_schema.atomic import PARTIAL, atomic_path, remove
from xc.store_schema.codecs import codec as codec_named
from xc.store_schema.errors import RequestError, SchemaError, XcError
from xc.store_schema.plan import StorePlan
from xc.store_schema.source import Source
from xc.store_schema.vocabulary import pack
from xc.store_schema.zarr_group import (
    create_activations,
    create_per_shard,
    get_array,
    open_group,
    put_float64,
    put_integers,
)

SCHEMA_VERSION = 1
KIND = "xc activation store"


class StoreWriter:
    """Fills a store. Every write is atomic, so a killed writer leaves whole shards or none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._group = open_group(path, "r+")
        self._attributes: dict[str, Any] = dict(self._group.attrs)
        if self._attributes.get("kind") != KIND:
            raise SchemaError(f"{path}: a Zarr group, but no activation store")
        self._mask = np.asarray(get_array(self._group, "rows/mask")[:])

    @classmethod
    def create(cls, path: str | Path, plan: StorePlan) -> "StoreWriter":
        """Write the token part aside and rename it: a store that exists has all its text.

        Raises:
            RequestError: if something is at `path` already.
        """
        path = Path(path)
        if path.exists():
            raise RequestError(f"{path} exists already; choose another --store")
        with atomic_path(path) as aside:
            group = zarr.create_group(str(aside), zarr_format=3, attributes=_attributes(plan))
            _write_text(group, plan)
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> "StoreWriter":
        """Continue an unfinished store; leftovers of a killed writer are removed.

        Raises:
            SchemaError: if there is no store.
        """
        writer = cls(Path(path))
        for leftover in writer.path.rglob(f"*{PARTIAL}"):
            remove(leftover)
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
        return math.ceil(self.n_rows / self.shard_rows)

    def shard_range(self, index: int) -> tuple[int, int]:
        """First row of a shard, and the row after its last."""
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
        """
        known = {s["key"]: s for s in self._attributes["sources"]}
        for source in sources:
            old = known.get(source.key)
            if old is not None and old != source.to_dict():
                raise RequestError(_difference(self.path, old, source.to_dict()))
        added = [s for s in sources if s.key not in known]
        for source in added:
            self._make_arrays(source, codec)
        pairs = [list(t) for t in tuples]
        old_pairs = self._attributes["tuples"]
        self._update(
            sources=[*self._attributes["sources"], *(s.to_dict() for s in added)],
            tuples=old_pairs + [p for p in pairs if p not in old_pairs],
            complete=bool(self._attributes["complete"]) and not added,
        )

    def missing(self, key: str) -> list[int]:
        """Indices of the shards of a source that are not on disk yet."""
        return [i for i in range(self.n_shards) if not self.shard_path(key, i).is_file()]

    def shard_path(self, key: str, index: int) -> Path:
        """The file that holds a shard."""
        return self.path / "activations" / key / "c" / str(index) / "0"

    def write_shard(self, key: str, index: int, rows: np.ndarray) -> None:
        """Write one shard: its statistics first, so that a shard on disk always has them.

        Args:
            key: the source.
            index: the shard.
            rows: all its rows [n, d_model], float32 or the stored type.

        Raises:
            RequestError: if the number of rows is not that of the shard.
            XcError: if the disk refuses; what was written before is safe.
        """
        start, stop = self.shard_range(index)
        if len(rows) != stop - start:
            raise RequestError(f"shard {index} of {key} has {stop - start} rows; got {len(rows)}")
        array = get_array(self._group, f"activations/{key}")
        stored = rows.astype(array.dtype, copy=False)
        sums = statistics.moments(stored, self._mask[start:stop]).pack()
        try:
            get_array(self._group, f"statistics/{key}/per_shard")[index, :] = sums
            array[start:stop] = stored
        except OSError as error:
            raise XcError(
                f"{self.path}: shard {index} of {key} could not be written "
                f"({os.strerror(error.errno) if error.errno else error}); "
                "the shards before it are safe; free space and run the same command again"
            ) from error

    def seal(self) -> None:
        """Merge the statistics and mark the store complete.

        Raises:
            XcError: if shards are missing.
        """
        summary = {}
        for source in self._attributes["sources"]:
            key = source["key"]
            if missing := self.missing(key):
                raise XcError(
                    f"{self.path}: {key} has {self.n_shards - len(missing)} of {self.n_shards} "
                    f"shards; run the same `xc harvest` again to write the missing {len(missing)}"
                )
            summary[key] = self._merge_statistics(key, int(source["d_model"]))
        self._update(statistics=summary, complete=True)

    def _merge_statistics(self, key: str, d_model: int) -> dict[str, float]:
        packed = np.asarray(get_array(self._group, f"statistics/{key}/per_shard")[:])
        total = statistics.merge_all(map(statistics.Moments.unpack, packed), d_model)
        done = statistics.finish(total)
        put_float64(self._group, f"statistics/{key}/mean", done.mean)
        put_float64(self._group, f"statistics/{key}/variance", done.variance)
        return {"n": done.n, "mean_norm": done.mean_norm, "rms_norm": done.rms_norm}

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


def _attributes(plan: StorePlan) -> dict[str, Any]:
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "n_rows": plan.n_rows,
        "n_sequences": plan.n_sequences,
        "shard_rows": plan.shard_rows,
        "chunk_rows": plan.chunk_rows,
        "sources": [],
        "tuples": [],
        "corpus": plan.corpus,
        "tokenizer": plan.tokenizer,
        "filter": plan.filter,
        "splits": plan.split_ranges(),
        "statistics": {},
        "fingerprint": plan.fingerprint(),
        "config": plan.config,
        "versions": plan.versions,
        "complete": False,
    }


def _write_text(group: zarr.Group, plan: StorePlan) -> None:
    data, offsets = pack(plan.vocabulary)
    arrays = {
        **{f"rows/{name}": values for name, values in plan.rows().items()},
        "sequences/token_ids": plan.token_ids.astype(np.int32),
        "sequences/token_offsets": plan.token_offsets.astype(np.int64),
        "sequences/row_offsets": plan.row_offsets(),
        "sequences/document": plan.document.astype(np.int64),
        "sequences/split": plan.split.astype(np.uint8),
        "vocabulary/bytes": data,
        "vocabulary/offsets": offsets,
    }
    for name, values in arrays.items():
        put_integers(group, name, values)


def _difference(path: Path, old: dict[str, Any], new: dict[str, Any]) -> str:
    field = next(name for name in new if old.get(name) != new[name])
    return (
        f"{path}: holds {new['key']} with {field} {old.get(field)!r}; asked for {new[field]!r}; "
        "choose another --store"
    )
