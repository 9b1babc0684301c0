"""How many held-out rows take part, of which roles and parts of the corpus, and how many sinks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from xc.evaluate.blocks import Range, cut_all
from xc.evaluate.groups import Group, groups_of
from xc.evaluate.letters import letter
from xc.evaluate.reader import Reader
from xc.store_schema.plan import ROLES
from xc.store_schema.row_filter import corpus_names
from xc.store_schema.rows import Zeros

NO_SINKS = "the store was written before sinks were flagged; harvest again to have them"

COUNTS: Mapping[str, str] = {
    "rows": "Held-out rows that were measured: what the mask and the run's filter keep.",
    "sinks_a": (
        "Held-out rows that are attention sinks of source A (norm above a multiple of the median), "
        "among those that the mask and the roles and parts asked for keep. They were dropped "
        "unless the run keeps sinks. Null when the store flags none."
    ),
    "rows_role_user": (
        "Measured rows of a role, and `rows_corpus_NAME` of a part of the corpus; only where there "
        "is more than one."
    ),
}
"""Counts of summary.json that are no metrics, in words."""


@dataclass(frozen=True)
class RowCounts:
    """Numbers of held-out rows."""

    kept: int
    """Rows that take part."""
    sinks: tuple[int | None, ...]
    """Per source, attention sinks among what would take part with sinks; None: not known."""
    groups: Mapping[Group, int]
    """Rows that take part, by role and by part of the corpus; only where there are several."""
    per_sequence: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64), compare=False)
    """Rows that take part, of each sequence of the store, int64 [n_sequences]."""

    def summary(self) -> dict[str, int | None]:
        """Keys of summary.json."""
        return {
            "rows": self.kept,
            **{f"sinks_{letter(m)}": n for m, n in enumerate(self.sinks)},
            **{f"rows{group.suffix}": n for group, n in self.groups.items()},
        }

    def not_measured(self) -> dict[str, str]:
        """Why, by key of summary.json."""
        return {key: NO_SINKS for key, value in self.summary().items() if value is None}


def count_rows(reader: Reader, ranges: Sequence[Range]) -> RowCounts:
    """Count the held-out rows; the row table is read, no activation."""
    store = reader.store
    totals: dict[str, Any] = {"role": np.zeros(len(ROLES), np.int64), "kept": 0}
    names = {"role": ROLES, "corpus": corpus_names(store)}
    totals["corpus"] = np.zeros(len(names["corpus"]), np.int64)
    sinks = np.zeros(len(reader.keys), np.int64)
    per_sequence = np.zeros(store.sequences.n, np.int64)
    for start, stop in cut_all(ranges, store.shard_rows):
        kept = reader.kept(start, stop)
        totals["kept"] += int(np.count_nonzero(kept))
        for name, column in (("role", store.rows.role), ("corpus", store.rows.corpus)):
            found = np.bincount(column[start:stop][kept], minlength=len(names[name]))
            totals[name] += found
        sinks += _sinks(reader, start, stop)
        _count_sequences(per_sequence, start + np.flatnonzero(kept), store.sequences.row_offsets)
    known = [not isinstance(store.sinks(key), Zeros) for key in reader.keys]
    return RowCounts(
        totals["kept"],
        tuple(int(n) if there else None for n, there in zip(sinks, known, strict=True)),
        {
            group: int(totals[group.column][group.number])
            for column in names
            for group in groups_of(column, names[column], totals[column])
        },
        per_sequence,
    )


def _count_sequences(counts: np.ndarray, rows: np.ndarray, row_offsets: np.ndarray) -> None:
    """Add the rows (ascending) to the counts of their sequences."""
    if len(rows):
        sequence = np.searchsorted(row_offsets, rows, side="right") - 1
        found = np.bincount(sequence - sequence[0])
        counts[sequence[0] : sequence[0] + len(found)] += found


def _sinks(reader: Reader, start: int, stop: int) -> list[int]:
    """Per source, sinks among the rows that take part but for them."""
    filters = (replace(reader.row_filter, drop_sinks=False), reader.narrowing)
    masks = [f.mask(reader.store, reader.keys, start, stop) for f in filters]
    whole = np.logical_and(*masks)
    return [
        int(np.count_nonzero(whole & np.asarray(reader.store.sinks(key)[start:stop], dtype=bool)))
        for key in reader.keys
    ]
