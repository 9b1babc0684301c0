"""Sources made of stored ones while they are read: `A - B` and `A + B`, spaces around the sign.

`A - B` is the difference of two sources of equal width, row by row: x_A − x_B in float32 from the
stored values. `A + B` (or more of them) is the rows of all side by side. Nothing of it is stored. A
row is an attention sink of a derived source if it is one of any of its parts.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from xc.store_schema.atomic import canonical_json
from xc.store_schema.errors import RequestError
from xc.store_schema.shard_record import to_float32
from xc.store_schema.source import Source
from xc.store_schema.statistics import row_squares, wide

_SIGN = re.compile(r"\s+([-+])\s+")
_SITES = {"-": "difference", "+": "concatenation"}
NO_LAYER = -1
"""Layer of a source whose parts lie at different depths."""


class RowArray(Protocol):
    """What readers ask of an array of activations [n_rows, d_model], stored or derived."""

    @property
    def shape(self) -> tuple[int, ...]:
        """RowArray and width."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values read."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any) -> np.ndarray: ...

    def read_into(self, start: int, stop: int, out: np.ndarray) -> None:
        """Read consecutive rows into `out`, contiguous and of this type."""


class Column(Protocol):
    """A number per row, read when sliced."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any) -> np.ndarray: ...


@dataclass(frozen=True)
class Derived:
    """A derived source as it is named."""

    sign: str
    """`-` or `+`."""
    keys: tuple[str, ...]
    """Its parts, two or more; of a difference two."""

    @property
    def key(self) -> str:
        """With one space on either side of each sign."""
        return f" {self.sign} ".join(self.keys)


def parse(key: str) -> Derived | None:
    """A key taken apart; None if it names no derived source.

    Raises:
        RequestError: if it mixes signs, subtracts more than once, or leaves a part out.
    """
    pieces = _SIGN.split(key)
    keys, signs = tuple(pieces[::2]), set(pieces[1::2])
    if not signs:
        return None
    if len(signs) > 1 or (signs == {"-"} and len(keys) > 2) or not all(keys):
        raise RequestError(
            f"source '{key}': expected 'A - B' (the difference of two) or 'A + B' (two or more "
            "side by side)"
        )
    return Derived(signs.pop(), keys)


def spaced(key: str, known: Collection[str]) -> str | None:
    """A derived source that was written without spaces, `gpt2@6-distilgpt2@3`, as it is to be.

    Names hold hyphens themselves, so that only the known ones tell where one ends.
    """
    for first in known:
        rest = key.removeprefix(first).strip()
        if key.startswith(first) and rest[:1] in _SITES and rest[1:].strip() in known:
            return f"{first} {rest[0]} {rest[1:].strip()}"
    return None


def width_of(key: str, widths: Mapping[str, int]) -> int | None:
    """Width of a source, stored or derived, by those of the stored ones; None if a part is unknown.

    Raises:
        RequestError: if the key is malformed.
    """
    if key in widths:
        return widths[key]
    derived = parse(key)
    if derived is None or not set(derived.keys) <= widths.keys():
        return None
    found = [widths[part] for part in derived.keys]
    return found[0] if derived.sign == "-" else sum(found)


def derived_source(derived: Derived, parts: Sequence[Source]) -> Source:
    """What is known of a derived source.

    Raises:
        RequestError: if the parts of a difference differ in width.
    """
    widths = [part.d_model for part in parts]
    if derived.sign == "-" and len(set(widths)) > 1:
        raise RequestError(
            f"source '{derived.key}': the widths are {widths[0]} and {widths[1]}; a difference "
            "needs equal ones ('A + B' puts any two side by side)"
        )
    layers = {part.layer for part in parts}

    def joined(words: Sequence[str]) -> str:
        return f" {derived.sign} ".join(words)

    hashes = [part.model_config_hash for part in parts]
    known = [part.revision for part in parts if part.revision is not None]
    return Source(
        key=derived.key,
        model=joined([part.model for part in parts]),
        revision=joined([part.revision or "?" for part in parts]) if known else None,
        layer=layers.pop() if len(layers) == 1 else NO_LAYER,
        site=_SITES[derived.sign],
        module=joined([part.module for part in parts]),
        d_model=widths[0] if derived.sign == "-" else sum(widths),
        dtype=", ".join(dict.fromkeys(part.dtype for part in parts)),
        model_config_hash=hashlib.sha256(canonical_json(hashes).encode()).hexdigest(),
    )


@dataclass(frozen=True)
class Difference:
    """x_A − x_B [n_rows, d_model], float32."""

    left: RowArray
    """A."""
    right: RowArray
    """B."""

    @property
    def shape(self) -> tuple[int, ...]:
        """RowArray and width."""
        return self.left.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32."""
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self.left)

    def __getitem__(self, index: Any) -> np.ndarray:
        left, right = (part[index].astype(np.float32) for part in (self.left, self.right))
        with np.errstate(invalid="ignore", over="ignore"):  # rows of the mask may hold infinities
            left -= right
        return np.asarray(left)

    def read_into(self, start: int, stop: int, out: np.ndarray) -> None:
        """Read consecutive rows into `out`."""
        out[...] = self[start:stop]


@dataclass(frozen=True)
class Concatenation:
    """The rows of several sources side by side, as stored if all are stored alike."""

    parts: tuple[RowArray, ...]
    """From left to right."""

    @property
    def shape(self) -> tuple[int, ...]:
        """RowArray and width."""
        return len(self.parts[0]), sum(part.shape[1] for part in self.parts)

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of all parts, float32 if they differ."""
        types = {part.dtype for part in self.parts}
        return types.pop() if len(types) == 1 else np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self.parts[0])

    def __getitem__(self, index: Any) -> np.ndarray:
        rows, columns = index if isinstance(index, tuple) else (index, slice(None))
        values = [part[rows].astype(self.dtype, copy=False) for part in self.parts]
        return np.asarray(np.concatenate(values, axis=-1)[..., columns])

    def read_into(self, start: int, stop: int, out: np.ndarray) -> None:
        """Read consecutive rows into `out`."""
        before = 0
        for part in self.parts:
            width = part.shape[1]
            out[:, before : before + width] = part[start:stop]
            before += width


def derived_rows(derived: Derived, parts: Sequence[RowArray]) -> RowArray:
    """The activations of a derived source."""
    return Difference(*parts) if derived.sign == "-" else Concatenation(tuple(parts))


@dataclass(frozen=True)
class AnyOf:
    """bool [n_rows]: true where any of the columns is."""

    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, index: Any) -> np.ndarray:
        flags = [np.asarray(column[index], dtype=bool) for column in self.columns]
        return np.asarray(np.logical_or.reduce(flags))


@dataclass(frozen=True)
class Computed:
    """A column [n_rows] that is made of others when it is sliced."""

    n: int
    """RowArray."""
    function: Callable[[Any], np.ndarray]
    """An index to its values."""

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> np.ndarray:
        return self.function(index)


def norms_of(rows: RowArray) -> Column:
    """‖x‖ of every row, float32, from the rows; by slices or lists of rows."""

    def norms(index: Any) -> np.ndarray:
        with np.errstate(invalid="ignore", over="ignore"):
            return to_float32(np.sqrt(row_squares(wide(rows[index]))))

    return Computed(len(rows), norms)


def joined_norms(parts: Sequence[Column]) -> Column:
    """‖x‖ of rows side by side, float32, from the norms of the parts."""

    def norms(index: Any) -> np.ndarray:
        squares = [np.square(np.asarray(part[index], dtype=np.float64)) for part in parts]
        return to_float32(np.sqrt(np.sum(squares, axis=0)))

    return Computed(len(parts[0]), norms)
