"""What a store will hold, decided before any model runs: the text, as token ids, and its rows."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xc.store_schema.errors import RequestError

TRAIN, HELDOUT = 0, 1
SPLIT_NAMES = ("train", "heldout")


@dataclass(frozen=True)
class StorePlan:
    """The token part of a store. Sequences of one split lie together, in the order run."""

    token_ids: np.ndarray
    """int32 [n_tokens], all sequences behind one another, BOS included."""
    token_offsets: np.ndarray
    """int64 [n_sequences + 1], where each sequence begins in `token_ids`."""
    document: np.ndarray
    """int64 [n_sequences], the document that a sequence was cut from."""
    split: np.ndarray
    """uint8 [n_sequences]: 0 train, 1 held out; whole documents."""
    keep: np.ndarray
    """bool [n_tokens]: True where a token becomes a row; False for BOS, padding, specials."""
    vocabulary: list[bytes]
    """Bytes of every token id."""
    corpus: dict[str, Any]
    """Name and fingerprint of the text."""
    tokenizer: dict[str, Any]
    """Hash, size and special ids of the tokenizer."""
    filter: dict[str, Any]
    """What `keep` left out, in words and counts."""
    config: dict[str, Any]
    """The resolved request; a resumed harvest must match it."""
    versions: dict[str, str] = field(default_factory=dict)
    """Versions of the software that writes."""
    shard_rows: int = 65536
    """Rows of a shard: one file, one unit of writing and of parallel work."""
    chunk_rows: int = 1024
    """Rows of a chunk: one checksum, one unit of reading."""

    def __post_init__(self) -> None:
        if self.n_rows == 0:
            raise RequestError(
                "no rows left: the text has no tokens beside special ones; give another data set"
            )
        if self.shard_rows % self.chunk_rows:
            raise RequestError(
                f"shard_rows must be a multiple of chunk_rows; got {self.shard_rows} and "
                f"{self.chunk_rows}"
            )

    @property
    def n_sequences(self) -> int:
        """Number of sequences."""
        return len(self.token_offsets) - 1

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(np.count_nonzero(self.keep))

    def row_offsets(self) -> np.ndarray:
        """int64 [n_sequences + 1], the first row of each sequence."""
        counted = np.concatenate([[0], np.cumsum(self.keep, dtype=np.int64)])
        offsets: np.ndarray = counted[self.token_offsets]
        return offsets

    def rows(self) -> dict[str, np.ndarray]:
        """The row table: sequence, position in it, token id, mask (all True)."""
        lengths = np.diff(self.token_offsets)
        sequence = np.repeat(np.arange(self.n_sequences, dtype=np.int64), lengths)
        position = np.arange(len(self.token_ids)) - np.repeat(self.token_offsets[:-1], lengths)
        return {
            "sequence": sequence[self.keep],
            "position": position[self.keep].astype(np.int32),
            "token_id": self.token_ids[self.keep].astype(np.int32),
            "mask": np.ones(self.n_rows, dtype=bool),
        }

    def split_ranges(self) -> dict[str, list[list[int]]]:
        """Row ranges of each split, by name."""
        offsets = self.row_offsets()
        ranges: dict[str, list[list[int]]] = {name: [] for name in SPLIT_NAMES}
        cuts = np.flatnonzero(np.diff(self.split)) + 1
        for first, last in zip(
            np.concatenate([[0], cuts]), np.concatenate([cuts, [self.n_sequences]]), strict=True
        ):
            start, stop = int(offsets[first]), int(offsets[last])
            if stop > start:
                ranges[SPLIT_NAMES[int(self.split[first])]].append([start, stop])
        return ranges

    def fingerprint(self) -> str:
        """sha256 (hex) of the text as run: ids, sequences, documents, splits, rows."""
        digest = hashlib.sha256()
        for array, dtype in (
            (self.token_ids, np.int32),
            (self.token_offsets, np.int64),
            (self.document, np.int64),
            (self.split, np.uint8),
            (self.keep, bool),
        ):
            digest.update(np.ascontiguousarray(array, dtype=dtype).tobytes())
        digest.update(str(self.tokenizer.get("hash")).encode())
        return digest.hexdigest()
