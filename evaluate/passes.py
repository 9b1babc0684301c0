"""Sums that were taken are kept: RUN/evaluation/passes, by what they were taken from.

A folder per context (checkpoint, store, latent table, rows, groups, sizes, versions) holds files of
one group of rows each; a file appears when it is whole. While a pass is under way there are files
of stages instead, each with all groups. What no interval needs by group is brought together at the
end of a pass. Sums of metrics that come later go into files of their own; so do the rows that were
found as examples and the counts of twins.
"""

import hashlib
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np

from xc.evaluate.graph import GroupTotals, Totals, combine_totals
from xc.evaluate.metric import Metric, Sums
from xc.evaluate.parts import Parts
from xc.evaluate.reader import Reader, block_type
from xc.store_schema import DamageError, atomic_path, canonical_json
from xc.store_schema.atomic import remove

LABELS = "labels"
"""Array of a file: the labels that it holds, those without any sums too."""
GROUPS = "groups"
"""Array of a stage's file: groups that have rows there."""
_TAIL = 1 << 16
"""Bytes at the end of a part of the latent table that tell it from another: its footer."""


def context(reader: Reader, made_from: Mapping[str, Any], **settings: object) -> str:
    """What sums depend on beside the metric, as a name.

    Args:
        reader: the latent table, and how rows are cut into tiles.
        made_from: the evaluation's provenance: fingerprints, rows, filter, versions.
        settings: what else fixes the order of summation.
    """
    told = {
        "made_from": made_from,
        "table": [(p.path.name, p.start, p.stop, _digest(p.path)) for p in reader.table.parts],
        "tile_rows": reader.tile_rows,
        "keep": reader.keep,
        "tiles": block_type().__name__,
        **settings,
    }
    return hashlib.sha256(canonical_json(told).encode()).hexdigest()[:16]


def digest(*arrays: np.ndarray) -> str:
    """A word that stands for the numbers of some arrays, their types and shapes."""
    told = hashlib.sha256()
    for array in arrays:
        told.update(f"{array.dtype.str}{array.shape}".encode())
        told.update(np.ascontiguousarray(array).tobytes())
    return told.hexdigest()[:16]


def _digest(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as opened:
        opened.seek(max(size - _TAIL, 0))
        return f"{size}-{hashlib.sha256(opened.read()).hexdigest()}"


@dataclass(frozen=True)
class Passes:
    """Kept sums of one context: `group-0003-….npz` over a group of rows, `all-….npz` over all, and
    `stage-0002-….npz` of a pass that is under way."""

    folder: Path
    """RUN/evaluation/passes/CONTEXT."""

    def drop_damaged(self) -> int:
        """Remove files that cannot be read, so that what they held is summed up anew; how many."""
        damaged = [file for file in self.folder.glob("*.npz") if not _is_whole(file)]
        for file in damaged:
            remove(file)
        return len(damaged)

    def held(self, group: int | None) -> dict[str, Path]:
        """Where each label's sums over a group, or over all rows (None), lie."""
        files = sorted(self.folder.glob(f"{_prefix(group)}-*.npz"))
        return {label: file for file in files for label in _labels(file)}

    def load(self, labels: Sequence[str], group: int | None) -> Totals:
        """Sums by label; {} for a label without any.

        Raises:
            DamageError: if a file cannot be read; it is removed, so that the next run renews it.
        """
        held = self.held(group) if labels else {}
        by_file: dict[Path, list[str]] = {}
        for label in labels:
            if label in held:
                by_file.setdefault(held[label], []).append(label)
        found: dict[str, dict[str, np.ndarray]] = {label: {} for label in labels}
        for file, own in by_file.items():
            with _reading(file) as arrays:
                for name in arrays.files:
                    label, _, part = name.rpartition("/")
                    if label in own:
                        found[label][part] = arrays[name]
        return found

    def save(self, totals: Totals, group: int | None) -> None:
        """Write sums in a file of their own, named by their labels; none for nothing."""
        if not totals:
            return
        arrays = {f"{label}/{n}": a for label, sums in totals.items() for n, a in sums.items()}
        arrays[LABELS] = np.array(list(totals), dtype=np.str_)
        self._write(_prefix(group), totals, arrays)

    def _write(self, prefix: str, labels: Iterable[str], arrays: Mapping[str, np.ndarray]) -> None:
        name = hashlib.sha256(canonical_json(sorted(labels)).encode()).hexdigest()[:8]
        file = self.folder / f"{prefix}-{name}.npz"
        with atomic_path(file) as aside, aside.open("wb") as opened:
            np.savez(opened, **arrays)  # type: ignore[arg-type]

    def stages(self) -> list[int]:
        """Stages of which something is kept, in order."""
        found = {int(file.name.split("-")[1]) for file in self.folder.glob("stage-*.npz")}
        return sorted(found)

    def stage(self, number: int) -> dict[str, Path]:
        """Where each label's sums over a stage lie."""
        files = sorted(self.folder.glob(f"stage-{number:04d}-*.npz"))
        return {label: file for file in files for label in _labels(file)}

    def save_stage(self, totals: GroupTotals, number: int, labels: Sequence[str]) -> None:
        """Write the sums under these labels of all groups over a stage in one file."""
        arrays = {
            f"{group}/{label}/{name}": array
            for group, own in totals.items()
            for label, sums in own.items()
            for name, array in sums.items()
        }
        arrays[LABELS] = np.array(labels, dtype=np.str_)
        arrays[GROUPS] = np.array(list(totals), dtype=np.int64)
        self._write(f"stage-{number:04d}", labels, arrays)

    def of_stage(self, number: int, labels: Iterable[str]) -> Iterator[tuple[int, Totals]]:
        """Sums of each group that has rows in a stage, by label; a group once for each file.

        Raises:
            DamageError: if a file cannot be read; it is removed.
        """
        held, asked = self.stage(number), set(labels)
        for file in dict.fromkeys(held[label] for label in asked & held.keys()):
            own = {label for label in asked if held.get(label) == file}
            with _reading(file) as arrays:
                names: dict[int, list[str]] = {}
                for name in arrays.files:
                    if "/" in name:
                        names.setdefault(int(name.partition("/")[0]), []).append(name)
                for group in arrays[GROUPS].tolist():
                    yield group, _by_label(arrays, names.get(group, []), own)

    def forget_stages(self) -> None:
        """Remove what is kept of stages."""
        for file in self.folder.glob("stage-*.npz"):
            remove(file)

    def fold(self, metrics: Sequence[Metric], parts: Parts) -> None:
        """Bring sums together that no one will ask for by group, one part at a time.

        Args:
            metrics: stand for their labels, which are their names.
            parts: by which all of them are held.
        """
        whole: dict[str, Sums] = {}
        for own, some in parts.sorted_out({m.name: m for m in metrics}):
            loaded = (self.load(list(some), part) for part in own)
            whole |= reduce(partial(combine_totals, list(some.values())), loaded)
        self.save(whole, None)

    def forget_groups(self, labels: Iterable[str]) -> None:
        """Remove files of groups that hold nothing beside these labels."""
        done = set(labels)
        for file in self.folder.glob("group-*.npz"):
            if _labels(file) <= done:
                remove(file)

    def forget_kind(self, kind: str, *, but: str) -> None:
        """Remove files of which every label begins like this; what one has over all rows stays."""
        kept = self.held(None).get(but)
        for file in self.folder.glob("*.npz"):
            if file != kept and all(label.startswith(kind) for label in _labels(file)):
                remove(file)

    def forget_others(self, labels: Iterable[str], *, kinds: tuple[str, ...] = ()) -> None:
        """Remove other contexts, and files that hold nothing under any of these labels, nor under
        one that begins with one of these kinds."""
        known = set(labels)
        for other in self.folder.parent.glob("*"):
            if other != self.folder:
                remove(other)
        for file in self.folder.glob("*.npz"):
            held = _labels(file)
            if not (known & held or any(label.startswith(kinds) for label in held)):
                remove(file)


def _prefix(group: int | None) -> str:
    return "all" if group is None else f"group-{group:04d}"


def _by_label(arrays: Any, names: Iterable[str], labels: Iterable[str]) -> dict[str, Sums]:
    """Arrays `group/label/name` of a file, under these labels; {} for a label without any."""
    found: dict[str, dict[str, np.ndarray]] = {label: {} for label in labels}
    for name in names:
        label, _, array = name.partition("/")[2].rpartition("/")
        if label in found:
            found[label][array] = arrays[name]
    return dict(found)


def _is_whole(file: Path) -> bool:
    """Whether every byte is as it was written, by the check sums of the archive."""
    try:
        with zipfile.ZipFile(file) as opened:
            return f"{LABELS}.npy" in opened.namelist() and opened.testzip() is None
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, struct.error):
        return False


def _labels(file: Path) -> set[str]:
    with _reading(file) as arrays:
        return set(arrays[LABELS].tolist())


@contextmanager
def _reading(file: Path) -> Iterator[Any]:
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            yield arrays
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        remove(file)
        raise DamageError(
            f"{file}: unreadable ({error}), so it was removed; run `xc evaluate` again"
        ) from error
