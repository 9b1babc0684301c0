"""Cutting documents into the models' sequences: BOS, then tokens of one document only."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from xc.store_schema.errors import RequestError
from xc.zoo.tokens import BOS, EOS, PAD

Ids = NDArray[np.int64]

IGNORED = -100
"""Target of a position that is padding; torch's own number for it."""


@dataclass(frozen=True)
class TokenizedCorpus:
    """Documents as token ids, each closed by EOS, and the ids that windows are made with."""

    documents: tuple[Ids, ...]
    """Per document: ids [tokens], the last one EOS."""
    n_bytes: int
    """UTF-8 bytes of all documents."""
    bos_id: int
    """Id that opens every window."""
    pad_id: int
    """Id that fills a window which its document does not."""

    @property
    def n_tokens(self) -> int:
        """Tokens of all documents, EOS included, BOS not."""
        return sum(len(ids) for ids in self.documents)


@dataclass(frozen=True)
class Windows:
    """Sequences of one length."""

    inputs: Ids
    """[window, position]: BOS first, padding last."""
    targets: Ids
    """[window, position]: the next token, or `IGNORED` where there is none to predict."""

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, rows: "slice | Ids") -> "Windows":
        return Windows(self.inputs[rows], self.targets[rows])


def tokenize(texts: Iterable[str], tokenizer: Tokenizer) -> TokenizedCorpus:
    """Encode documents and close each with EOS."""
    kept = list(texts)
    bos, eos, pad = (_special_id(tokenizer, token) for token in (BOS, EOS, PAD))
    encoded = tokenizer.encode_batch(kept, add_special_tokens=False)
    return TokenizedCorpus(
        documents=tuple(np.asarray([*e.ids, eos], dtype=np.int64) for e in encoded),
        n_bytes=sum(len(text.encode()) for text in kept),
        bos_id=bos,
        pad_id=pad,
    )


def _special_id(tokenizer: Tokenizer, token: str) -> int:
    found: int | None = tokenizer.token_to_id(token)
    if found is None:
        raise RequestError(f"tokenizer without {token}; expected one of an embedded model")
    return found


def cover(corpus: TokenizedCorpus, *, length: int) -> Windows:
    """Windows in which every token of every document is a target exactly once (for scoring)."""
    pieces = [
        ids[start : start + length]
        for ids in corpus.documents
        for start in range(0, len(ids), length)
    ]
    return _stack(pieces, corpus, length=length)


def sample_epoch(
    corpus: TokenizedCorpus, *, length: int, generator: np.random.Generator
) -> Windows:
    """One pass over the documents in random order, cut at random offsets (for training).

    A document of at least `length` tokens gives only full windows: its first and last are moved
    inwards and overlap their neighbours, so that no position is spent on padding.
    """
    pieces = [
        ids[start : start + length]
        for ids in corpus.documents
        for start in _starts(len(ids), length=length, generator=generator)
    ]
    order = generator.permutation(len(pieces))
    return _stack([pieces[i] for i in order], corpus, length=length)


def _starts(n: int, *, length: int, generator: np.random.Generator) -> list[int]:
    if n <= length:
        return [0]
    offset = int(generator.integers(length))
    return sorted({0, n - length, *range(offset, n - length, length)})


def _stack(pieces: Sequence[Ids], corpus: TokenizedCorpus, *, length: int) -> Windows:
    inputs = np.full((len(pieces), length), corpus.pad_id, dtype=np.int64)
    targets = np.full((len(pieces), length), IGNORED, dtype=np.int64)
    inputs[:, 0] = corpus.bos_id
    for row, ids in enumerate(pieces):
        inputs[row, 1 : len(ids)] = ids[:-1]
        targets[row, : len(ids)] = ids
    return Windows(inputs, targets)


def batches(
    corpus: TokenizedCorpus, *, length: int, batch_size: int, seed: int, skip: int = 0
) -> Iterator[Windows]:
    """Training batches without end; batch number `skip` first, as if the others had been drawn.

    Epoch e is drawn from (seed, e) alone, and the last short batch of an epoch is dropped.
    """
    epoch = 0
    while True:
        windows = sample_epoch(
            corpus, length=length, generator=np.random.default_rng((seed, epoch))
        )
        n_batches = max(1, len(windows) // batch_size)
        for batch in range(min(skip, n_batches), n_batches):
            yield windows[batch * batch_size : (batch + 1) * batch_size]
        skip = max(0, skip - n_batches)
        epoch += 1
