"""A store in which the rows of B no longer belong to those of A: permuted across sequences.

Within each split the rows of B that take part change places so that none stays in its sequence;
those of A, and the text, stay. Whatever is found in both sources of such a store is found by
chance. It keeps only rows that take part in the run, and whole sequences of them up to a number of
rows. It is written by the ordinary writer, shard by shard: a killed one is gone on with.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from xc.evaluate.nulls.permutation import derange, windows
from xc.store_schema import (
    ActivationStore,
    Progress,
    RequestError,
    RowFilter,
    StorePlan,
    StoreWriter,
)
from xc.store_schema.codecs import codec_of
from xc.store_schema.derived import parse
from xc.store_schema.places import read_bytes

MARK = "~permuted"
"""Behind the key of B, whose rows are no longer those of the model at their token."""
WINDOW_BYTES = 2**30
"""Rows of B in float32 that are permuted among themselves; a store of no more is one window."""


@dataclass(frozen=True)
class Chosen:
    """What of a store goes into the permuted one."""

    plan: StorePlan
    """Its text."""
    rows: np.ndarray
    """int64 [n]: the row of the store that each of its rows is, ascending."""
    order: np.ndarray
    """int64 [n]: which of its own rows B holds at each."""


def permuted_keys(keys: tuple[str, str]) -> tuple[str, str]:
    """Keys of A and B in the permuted store; of a derived B all parts are permuted alike."""
    derived = parse(keys[1])
    if derived is None:
        return keys[0], keys[1] + MARK
    return keys[0], replace(derived, keys=tuple(key + MARK for key in derived.keys)).key


def _parts(key: str) -> tuple[str, ...]:
    """The stored sources that a source is made of, each once; itself if it is stored."""
    derived = parse(key)
    return (key,) if derived is None else tuple(dict.fromkeys(derived.keys))


def write_permuted(
    store: ActivationStore,
    keys: tuple[str, str],
    path: Path,
    *,
    row_filter: RowFilter,
    rows: int,
    seed: int,
    progress: Progress,
) -> ActivationStore:
    """Write the permuted store, or what is missing of it.

    Args:
        store: the one to take rows from.
        keys: A and B; they may be the same source, or derived of stored ones.
        path: where it goes.
        row_filter: which rows take part.
        rows: most rows to take.
        seed: of the choice of sequences and of the permutation.
        progress: told of rows written.

    Raises:
        RequestError: if rows cannot leave their sequences.
    """
    chosen = choose(store, keys, row_filter=row_filter, rows=rows, seed=seed)
    writer = StoreWriter.create(path, chosen.plan, join=True)
    taken = {key: (key, chosen.rows) for key in _parts(keys[0])}
    taken |= {key + MARK: (key, chosen.rows[chosen.order]) for key in _parts(keys[1])}
    for name, (key, _) in taken.items():
        codec = codec_of(json.loads(read_bytes(store.path / "activations" / key / "zarr.json")))
        source = replace(store.source(key), key=name)
        writer.add_sources([source], codec=codec.name, tuples=())
    writer.add_sources([], codec="bf16", tuples=[tuple(taken)])
    missing = [(name, shard) for name in taken for shard in writer.missing(name)]
    # A row of each source is one; "rows" would be twice those of the store.
    total = len(taken) * writer.n_rows
    left = sum(stop - start for start, stop in (writer.shard_range(s) for _, s in missing))
    progress.start("permute", total, "activations", done=total - left)
    for name, shard in missing:
        start, stop = writer.shard_range(shard)
        key, rows_of_it = taken[name]
        writer.write_shard(name, shard, _read(store, key, rows_of_it[start:stop]))
        progress.advance(stop - start)
    progress.finish()
    writer.seal()
    writer.close()
    return ActivationStore.open(path)


def check_permutable(
    store: ActivationStore,
    keys: tuple[str, str],
    *,
    row_filter: RowFilter,
    rows: int,
    seed: int,
) -> None:
    """Refuse what `write_permuted` would refuse, and say how many rows are enough.

    No activation is read. Arguments as of `write_permuted`.

    Raises:
        RequestError: if rows cannot leave their sequences.
    """
    everything = np.arange(store.sequences.n)
    taken, kept = _rows_of(store, keys, everything, row_filter)
    if not len(taken):
        raise RequestError(f"{store.path}: no row takes part ({row_filter.words})")
    if _can_leave(store, kept, rows, seed):
        return
    if not _can_leave(store, kept, store.n_rows, seed):
        raise RequestError(
            f"{store.path}: one sequence has more than half of the rows that take part beside it, "
            "so that rows cannot all leave their sequences; take a store of more sequences"
        )
    least = _least(store, kept, rows, seed)
    raise RequestError(
        f"{rows} rows are too few for two sequences of each split, none with more than half of its "
        f"rows; take --rows {least} or more"
    )


def _can_leave(store: ActivationStore, kept: np.ndarray, rows: int, seed: int) -> bool:
    """Whether every row of so many can be given to another sequence.

    Args:
        store: the store.
        kept: int64 [sequence], rows of each that take part.
        rows: most rows to take.
        seed: of the choice of sequences.
    """
    try:
        sequences = _sequences(store, rows, np.random.default_rng(seed))
    except RequestError:
        return False
    sequences = sequences[kept[sequences] > 0]
    lengths = kept[sequences]
    runs = _runs(store.sequences.split[sequences]) if len(sequences) else ()
    fits = [2 * lengths[a:b].max() <= lengths[a:b].sum() for a, b in runs]
    return bool(fits) and all(fits)


def _least(store: ActivationStore, kept: np.ndarray, few: int, seed: int) -> int:
    """A number of rows that is enough where one less is not, between too few and all."""
    enough = store.n_rows
    while enough - few > 1:
        middle = (few + enough) // 2
        if _can_leave(store, kept, middle, seed):
            enough = middle
        else:
            few = middle
    return enough


def choose(
    store: ActivationStore,
    keys: tuple[str, str],
    *,
    row_filter: RowFilter,
    rows: int,
    seed: int,
) -> Chosen:
    """Draw sequences, and the permutation; equal arguments give equal values."""
    rng = np.random.default_rng(seed)
    sequences = _sequences(store, rows, rng)
    taken, lengths = _rows_of(store, keys, sequences, row_filter)
    sequences, lengths = sequences[lengths > 0], lengths[lengths > 0]
    if not len(taken):
        raise RequestError(f"{store.path}: no row takes part ({row_filter.words})")
    width = store.source(keys[1]).d_model
    split = store.sequences.split[sequences]
    plan = _plan(store, sequences, taken, seed)
    return Chosen(plan, taken, _order(lengths, split, width, rng))


def _sequences(store: ActivationStore, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Sequences of both splits in their proportion, at most so many rows: int64, ascending."""
    text = store.sequences
    lengths = np.diff(text.row_offsets)
    if lengths.sum() <= rows:
        return np.flatnonzero(lengths)
    drawn = rng.permutation(text.n)
    kept = [drawn[text.split[drawn] == split] for split in np.unique(text.split)]
    share = rows / lengths.sum()
    found = [s[np.cumsum(lengths[s]) <= share * lengths[s].sum()] for s in kept]
    if min(map(len, found)) < 2:
        raise RequestError(
            f"{rows} rows are too few for two sequences of each split; take more --rows"
        )
    return np.sort(np.concatenate(found))


def _rows_of(
    store: ActivationStore, keys: tuple[str, str], sequences: np.ndarray, row_filter: RowFilter
) -> tuple[np.ndarray, np.ndarray]:
    """int64 [n], rows of these sequences that take part; int64 [sequence], how many of each."""
    text = store.sequences
    chosen = np.zeros(text.n, dtype=bool)
    chosen[sequences] = True
    part = np.repeat(chosen, np.diff(text.row_offsets))
    for start, stop in store.blocks():
        part[start:stop] &= row_filter.mask(store, keys, start, stop)
    counted = np.concatenate([[0], np.cumsum(part)])[text.row_offsets]
    return np.flatnonzero(part), np.diff(counted)[sequences]


def _plan(store: ActivationStore, sequences: np.ndarray, rows: np.ndarray, seed: int) -> StorePlan:
    """The text of these sequences; tokens of other rows stay in it and are no rows."""
    text, about = store.sequences, store.attributes
    lengths = np.diff(text.token_offsets)[sequences]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    where = np.searchsorted(sequences, store.rows.sequence[rows])
    places = offsets[where] + store.rows.position[rows]
    keep, role = np.zeros(offsets[-1], dtype=bool), np.zeros(offsets[-1], dtype=np.uint8)
    keep[places], role[places] = True, store.rows.role[rows]
    part = np.zeros(len(sequences), dtype=np.uint8)
    part[where] = store.rows.corpus[rows]
    return StorePlan(
        token_ids=np.concatenate([_tokens(store, run) for run in _neighbours(sequences)]),
        token_offsets=offsets,
        document=text.document[sequences],
        split=text.split[sequences],
        keep=keep,
        vocabulary=[store.vocabulary.bytes_of(i) for i in range(len(store.vocabulary))],
        role=role,
        corpus_part=part,
        corpus=about["corpus"],
        tokenizer=about["tokenizer"],
        filter=about["filter"],
        config={"permuted": {"store": store.fingerprint, "seed": seed}},
        shard_rows=store.shard_rows,
        chunk_rows=store.chunk_rows,
        sink_multiple=0,  # sinks were left out by the run's own filter, or are wanted
    )


def _neighbours(sequences: np.ndarray) -> list[np.ndarray]:
    """Ascending sequences, in runs without a gap: each is one read."""
    return np.split(sequences, np.flatnonzero(np.diff(sequences) > 1) + 1)


def _tokens(store: ActivationStore, run: np.ndarray) -> np.ndarray:
    offsets = store.sequences.token_offsets
    return store.sequences.token_ids[int(offsets[run[0]]) : int(offsets[run[-1] + 1])]


def _order(
    lengths: np.ndarray, split: np.ndarray, width: int, rng: np.random.Generator
) -> np.ndarray:
    """int64 [n]: permuted window by window, each within one split."""
    parts = []
    for first, last in _runs(split):
        for a, b in windows(lengths[first:last].tolist(), WINDOW_BYTES // (4 * width)):
            before = int(lengths[: first + a].sum())
            inside = lengths[first + a : first + b]
            parts.append(before + derange(np.repeat(np.arange(len(inside)), inside), rng))
    return np.concatenate(parts)


def _runs(split: np.ndarray) -> Iterator[tuple[int, int]]:
    """[first, last) of neighbouring sequences of one split."""
    cuts = (np.flatnonzero(np.diff(split)) + 1).tolist()
    yield from pairwise([0, *cuts, len(split)])


def _read(store: ActivationStore, key: str, rows: np.ndarray) -> np.ndarray:
    """Rows in any order, read in ascending order, which is quicker where chunks are compressed."""
    order = np.argsort(rows, kind="stable")
    values = store.activations(key).raw[rows[order]]
    out = np.empty_like(values)
    out[order] = values
    return out
