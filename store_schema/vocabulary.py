"""The text of every token id, kept in the store so that rows can be shown without a tokenizer."""

from collections.abc import Iterable

import numpy as np


class Vocabulary:
    """Token id to bytes; joining the bytes of a sequence gives its UTF-8 text."""

    def __init__(self, data: np.ndarray, offsets: np.ndarray) -> None:
        self._data = data.tobytes()
        self._offsets = offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def bytes_of(self, token_id: int) -> bytes:
        """Bytes of one token; empty for an id that the tokenizer does not know."""
        if not 0 <= token_id < len(self):
            return b""
        return self._data[self._offsets[token_id] : self._offsets[token_id + 1]]

    def piece(self, token_id: int) -> str:
        """One token as text; bytes that are no UTF-8 on their own become U+FFFD."""
        return self.bytes_of(token_id).decode("utf-8", errors="replace")

    def text(self, ids: Iterable[int]) -> str:
        """A run of tokens as text."""
        joined = b"".join(self.bytes_of(int(i)) for i in ids)
        return joined.decode("utf-8", errors="replace")


def pack(pieces: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """All pieces behind one another (uint8) and where each begins (int64 [n + 1])."""
    offsets = np.zeros(len(pieces) + 1, dtype=np.int64)
    np.cumsum([len(p) for p in pieces], out=offsets[1:])
    return np.frombuffer(b"".join(pieces), dtype=np.uint8), offsets
