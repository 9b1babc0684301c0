"""Documents as sequences: consecutive windows of tokens, each starting with BOS, none shared."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from xc.harvest.text_tokenizer import TextTokenizer
from xc.store_schema import Progress

DOCUMENTS_AT_ONCE = 256
"""Documents tokenised in one call; the tokenizer spreads them over its threads."""


@dataclass(frozen=True)
class Window:
    """One sequence as it will be run."""

    document: int
    """Number of the document in the corpus."""
    token_ids: np.ndarray
    """int32 [length], BOS included."""
    keep: np.ndarray
    """bool [length], True where the token becomes a row."""

    @property
    def n_rows(self) -> int:
        """Tokens that become rows."""
        return int(np.count_nonzero(self.keep))


def take_windows(
    documents: Iterable[str],
    tokenizer: TextTokenizer,
    *,
    tokens: int,
    seq_len: int,
    progress: Progress,
) -> list[Window]:
    """Windows of the first documents until `tokens` rows are reached; the last one is cut there.

    Args:
        documents: texts in corpus order.
        tokenizer: how to cut them.
        tokens: rows wanted.
        seq_len: longest window, BOS included.
        progress: told of every row.
    """
    windows: list[Window] = []
    progress.start("tokenise", tokens, "rows")
    left = tokens
    for window in _all_windows(documents, tokenizer, seq_len):
        taken = _first_rows(window, left)
        windows.append(taken)
        left -= taken.n_rows
        progress.advance(taken.n_rows)
        if left == 0:
            break
    progress.finish()
    return windows


def _all_windows(
    documents: Iterable[str], tokenizer: TextTokenizer, seq_len: int
) -> Iterator[Window]:
    special = np.asarray(tokenizer.special_ids, dtype=np.int32)
    start = [] if tokenizer.bos_id is None else [tokenizer.bos_id]
    bos = np.asarray(start, dtype=np.int32)
    for batch in _batches(enumerate(documents), DOCUMENTS_AT_ONCE):
        encoded = tokenizer.encode([text for _, text in batch])
        for (number, _), ids in zip(batch, encoded, strict=True):
            yield from cut(number, ids, bos=bos, special=special, seq_len=seq_len)


def cut(
    document: int, ids: np.ndarray, *, bos: np.ndarray, special: np.ndarray, seq_len: int
) -> Iterator[Window]:
    """The windows of one document; one that would hold no row is left out.

    Args:
        document: its number.
        ids: its tokens, int32.
        bos: what each window starts with: one id or none.
        special: ids that are no rows.
        seq_len: longest window, BOS included.
    """
    step = seq_len - len(bos)
    for start in range(0, len(ids), step):
        token_ids = np.concatenate([bos, ids[start : start + step]])
        keep = ~np.isin(token_ids, special)
        keep[: len(bos)] = False
        if keep.any():
            yield Window(document, token_ids, keep)


def _batches(documents: Iterable[tuple[int, str]], size: int) -> Iterator[list[tuple[int, str]]]:
    source = iter(documents)
    while batch := list(islice(source, size)):
        yield batch


def _first_rows(window: Window, rows: int) -> Window:
    """The window, cut behind its `rows`-th row if it has more."""
    if window.n_rows <= rows:
        return window
    stop = int(np.flatnonzero(window.keep)[rows - 1]) + 1
    return Window(window.document, window.token_ids[:stop], window.keep[:stop])
