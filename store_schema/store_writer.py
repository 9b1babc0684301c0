"""Writing a store: the text first, then one shard of one source at a time, then the seal."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from xc.store_schema import extension
from xc.store_schema.atomic import new_folder, refusing
from xc.store_schema.codecs import codec as codec_named
from xc.store_schema.damage import damaged_shards
from xc.store_schema.damaged_text import damaged_text, rewrite_text
from xc.store_schema.errors import DamageError, RequestError, XcError
from xc.store_schema.leftovers import tidy
from xc.store_schema.locks import WriterLock, changing_attributes
from xc.store_schema.mend_metadata import mend_metadata
from xc.store_schema.new_sources import make_arrays, new_sources, with_sources
from xc.store_schema.places import Place, has_file, place
from xc.store_schema.plan import StorePlan
from xc.store_schema.progress import Progress, Silent
from xc.store_schema.seal_store import lacks_sealed_files, mend_beside, seal_store
from xc.store_schema.shard_files import Mask, ShardFiles
from xc.store_schema.source import Source
from xc.store_schema.store_layout import (
    SCHEMA_VERSION,
    check_attributes,
    count_shards,
    shard_file,
)
from xc.store_schema.write_text import write_text
from xc.store_schema.zarr_group import (
    METADATA,
    open_group,
    put_attributes,
)

__all__ = ["SCHEMA_VERSION", "StoreWriter"]


class StoreWriter:
    """Fills a store. Every write is atomic, so a killed writer leaves whole shards or none.

    Several may fill one store at a time, each its own shards or even the same ones.
    """

    def __init__(self, path: Place, lock: WriterLock) -> None:
        self.path = path
        self._lock = lock
        self._attributes: dict[str, Any] = {}
        self._files: dict[str, ShardFiles] = {}
        self._mask = Mask(path)
        self._read_attributes()

    @classmethod
    def create(cls, path: str | Place, plan: StorePlan, *, join: bool = False) -> "StoreWriter":
        """Write the token part: a store that exists has all its text.

        On this machine it is written aside and renamed; elsewhere the root's metadata come last.

        Args:
            path: where.
            plan: the text.
            join: open what is there already, if it is a store of the same text: that of another
                process, which began at the same time.

        Raises:
            RequestError: if something (else) is at `path` already.
            XcError: if the disk refuses.
        """
        where = place(path)
        if not _is_free(where):
            return cls._join(where, plan, join=join)
        try:
            with refusing(where):
                _create(where, plan)
        except FileExistsError:  # another process was faster
            return cls._join(where, plan, join=join)
        return cls(where, WriterLock(where))

    @classmethod
    def _join(cls, where: Place, plan: StorePlan, *, join: bool) -> "StoreWriter":
        if join and has_file(where / METADATA):
            writer = cls.open(where)
            if writer.attributes["fingerprint"] == plan.fingerprint():
                return writer
        raise RequestError(f"{where} exists already; choose another --store")

    @classmethod
    def open(cls, path: str | Place) -> "StoreWriter":
        """Continue an unfinished store; what killed writers left is removed, if no other is there.

        Of a complete store, what the seal writes and is gone is written again; with a damaged
        shard it cannot be, until `damaged` and `discard` have dealt with that.

        Raises:
            SchemaError: if there is no store, or one of a newer schema.
        """
        where = place(path)
        open_group(where, "r")
        lock = WriterLock(where)
        tidy(where, lock)
        writer = cls(where, lock)
        if writer._lacks_sealed_files():
            with suppress(DamageError):
                writer.seal()
        return writer

    def close(self) -> None:
        """Let others know that this writer has ended; otherwise done when it is collected."""
        self._lock.close()

    @property
    def others_active(self) -> bool:
        """Whether another process writes to this store now; never known of stores elsewhere."""
        with self._lock.alone() as alone:
            return not alone

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

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the sources, first-named first."""
        return tuple(s["key"] for s in self._attributes["sources"])

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
        self,
        sources: Sequence[Source],
        *,
        codec: str,
        tuples: Sequence[tuple[str, ...]],
        command: str = "",
    ) -> None:
        """Make room for further sources and note which belong together; known ones stay.

        Args:
            sources: what will be written.
            codec: name of a row of `codecs.CODECS`.
            tuples: keys that were asked for together, A first.
            command: what was typed for this; recorded if anything is added.

        Raises:
            RequestError: if a source of the same key was harvested otherwise, a key holds `|`, or
                the store is of a version that is only read.
            XcError: if the disk refuses.
        """
        how = codec_named(codec)
        with changing_attributes(self.path), refusing(self.path):
            self._read_attributes()
            added = new_sources(self.path, self._attributes, sources)
            old = self._attributes["tuples"]
            together = [list(t) for t in dict.fromkeys(tuples) if list(t) not in old]
            if not added and not together:
                return
            self._refuse_old()
            for source in added:
                make_arrays(self.path, self._attributes, source, how)
                self._files.pop(source.key, None)
            self._update(**with_sources(self._attributes, added, together, command))

    def missing(self, key: str) -> list[int]:
        """Indices of the shards of a source that are not on disk."""
        found = self._files_of(key).sizes()
        return [i for i in range(self.n_shards) if i not in found]

    def shard_path(self, key: str, index: int) -> Place:
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
        self._refuse_old()
        start, stop = self.shard_range(index)
        files = self._files_of(key)
        expected = (stop - start, files.shape[1])
        if rows.shape != expected:
            raise RequestError(
                f"shard {index} of {key} has shape {list(expected)}; got {list(rows.shape)}"
            )
        with refusing(f"{self.path}: shard {index} of {key}"):
            files.put(index, rows)
            if isinstance(self.path, Path):
                extension.drop_kept(self.path, key, index)

    def extend(self, plan: StorePlan) -> None:
        """Put a longer text in place of the store's, which must be how it begins.

        Shards stay, except the last if it is partly filled: it is missing then, and `tail` has its
        rows. Killed at any moment, the store is the old one or, once a writer opens it, the new.

        Raises:
            RequestError: if the text is no longer, or begins otherwise; for stores elsewhere.
            XcError: if another process writes to the store, or the disk refuses.
        """
        self._refuse_old()
        if not isinstance(self.path, Path):
            raise RequestError(
                f"{self.path}: only a store on this machine can take more text; harvest into a new "
                "--store"
            )
        with self._lock.alone() as alone, refusing(self.path):
            if not alone:
                raise XcError(
                    f"{self.path}: another process writes to it; add text when it has ended"
                )
            self._read_attributes()
            extension.check_longer(self.path, self._attributes, plan)
            extension.begin(self.path, self._attributes, plan)
            extension.carry_out(self.path)
        self._mask = Mask(self.path)
        self._files.clear()
        self._read_attributes()

    def tail(self, key: str) -> dict[int, np.ndarray]:
        """Rows that a shard of an extended store had before: [k, d_model] in the stored type.

        They are its first ones, by the number of the shard; at most one shard has any.
        """
        if not isinstance(self.path, Path) or key not in self.keys:
            return {}
        return extension.kept_rows(self.path, key, self._files_of(key).activations)

    def damaged(self, key: str, *, read: bool, progress: Progress | None = None) -> list[int]:
        """Indices of shards that are on disk, but not as they were written.

        What is lost beside an intact shard (moments, norms, its record) is written again, and so
        are the metadata of the source's arrays and of the groups above them.

        Args:
            key: the source.
            read: whether to read every byte, or only compare sizes.
            progress: told of every shard read.

        Raises:
            SchemaError: if how the shards were encoded is lost: no shard can be judged then.
        """
        if self._attributes["schema_version"] < SCHEMA_VERSION:
            return []
        with refusing(self.path):
            self._mend_metadata(key)
            return damaged_shards(self._files_of(key), read=read, progress=progress or Silent())

    def discard(self, key: str, indices: Collection[int]) -> None:
        """Remove shards and what goes with them, so that they are missing; unseals."""
        if not indices:
            return
        self._refuse_old()
        with changing_attributes(self.path), refusing(self.path):
            self._read_attributes()
            if self._attributes["complete"]:
                self._update(complete=False)
            for index in indices:
                self._files_of(key).discard(index)

    def damaged_text(self) -> list[str]:
        """Files of the text part that are absent, or that cannot be read; all of it is read."""
        return damaged_text(self.path, self._attributes)

    def rewrite_text(self, plan: StorePlan) -> None:
        """Write damaged files of the text part again; intact ones keep their bytes.

        Raises:
            RequestError: if the plan is not that of this store.
            XcError: if the disk refuses.
        """
        self._refuse_old()
        if plan.fingerprint() != self._attributes["fingerprint"]:
            raise RequestError(
                f"{self.path}: its text is damaged, and the one given is another; give the data "
                "set that it was made from, or choose another --store"
            )
        with refusing(self.path):
            rewrite_text(self.path, plan)
        self._mask = Mask(self.path)
        self._files.clear()

    def seal(self, *, comparisons: bool = True) -> None:
        """Merge the statistics and mark the store complete; does nothing to a sealed store.

        Args:
            comparisons: whether to compare the pairs of sources that were asked for together.

        Raises:
            XcError: if shards are missing, or the disk refuses.
            DamageError: if a shard turns out to be damaged.
            SchemaError: if the metadata of activations are lost for good.
        """
        for key in self.keys:
            if missing := self.missing(key):
                raise XcError(
                    f"{self.path}: {key} has {self.n_shards - len(missing)} of "
                    f"{self.n_shards} shards; run the same `xc harvest` again to write the "
                    f"missing {len(missing)}"
                )
        if self._attributes["schema_version"] < SCHEMA_VERSION and self._attributes["complete"]:
            return
        self._refuse_old()
        with changing_attributes(self.path), refusing(self.path):
            self._read_attributes()
            for key in self.keys:
                self._mend_metadata(key)
                mend_beside(self._files_of(key), self.n_shards)
            sealed = seal_store(self.path, self._attributes, comparisons=comparisons)
            if sealed != self._attributes:
                self._update(**sealed)

    def seal_if_whole(self) -> bool:
        """Seal, if no shard of any source is missing; whether that was so."""
        self._read_attributes()
        if not self.keys or any(self.missing(key) for key in self.keys):
            return False
        self.seal()
        return True

    def _lacks_sealed_files(self) -> bool:
        if not self._attributes["complete"] or self._attributes["schema_version"] < SCHEMA_VERSION:
            return False
        every = [self._files_of(key) for key in self.keys]
        return lacks_sealed_files(self.path, every, self.n_shards)

    def _mend_metadata(self, key: str) -> None:
        if mend_metadata(self.path, self._attributes, key):
            self._files.pop(key, None)

    def _files_of(self, key: str) -> ShardFiles:
        if key not in self._files:
            multiple = float(self._attributes.get("sink_multiple", 0))
            self._files[key] = ShardFiles(self.path, key, self.shard_rows, multiple, self._mask)
        return self._files[key]

    def _read_attributes(self) -> None:
        self._attributes = dict(open_group(self.path, "r").attrs)
        check_attributes(self.path, self._attributes)

    def _update(self, **changes: Any) -> None:
        self._attributes = self._attributes | changes
        put_attributes(self.path, self._attributes)

    def _refuse_old(self) -> None:
        if (version := self._attributes["schema_version"]) < SCHEMA_VERSION:
            raise RequestError(
                f"{self.path}: a store of version {version}, which this xc reads but does not "
                "write; harvest into a new --store"
            )


def _is_free(where: Place) -> bool:
    return not where.exists() if isinstance(where, Path) else not has_file(where / METADATA)


def _create(where: Place, plan: StorePlan) -> None:
    if isinstance(where, Path):
        with new_folder(where) as aside:
            write_text(aside, plan)
    else:
        write_text(where, plan)
