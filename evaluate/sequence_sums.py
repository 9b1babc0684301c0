"""Sums per sequence: what a scalar needs for its value and for bootstrap intervals, in one pass."""

import numpy as np

from xc.evaluate.metric import Sums
from xc.evaluate.row_block import RowBlock

SEQUENCE = "sequence"
TABLE = "table"


def per_sequence(block: RowBlock, columns: np.ndarray) -> dict[str, np.ndarray]:
    """Sum features of rows within each sequence.

    Args:
        block: the tile.
        columns: float64 [row, feature]; the first column is a row count, as a rule.

    Returns:
        `sequence` int64 [s], ascending, and `table` float64 [s, feature].
    """
    if block.n_rows == 0:
        return {SEQUENCE: np.zeros(0, np.int64), TABLE: np.zeros((0, columns.shape[1]))}
    starts = np.flatnonzero(np.r_[True, np.diff(block.sequence) != 0])
    return {SEQUENCE: block.sequence[starts], TABLE: np.add.reduceat(columns, starts, axis=0)}


def merge(left: Sums, right: Sums) -> dict[str, np.ndarray]:
    """Both tables, with a sequence that lies in both summed; other arrays are added."""
    sequence = np.concatenate([left[SEQUENCE], right[SEQUENCE]])
    table = np.concatenate([left[TABLE], right[TABLE]])
    unique, place = np.unique(sequence, return_inverse=True)
    out = np.zeros((len(unique), table.shape[1]))
    np.add.at(out, place, table)
    others = {k: left[k] + right[k] for k in left if k not in (SEQUENCE, TABLE)}
    return {SEQUENCE: unique, TABLE: out, **others}


def totals(sums: Sums) -> dict[str, np.ndarray]:
    """All sequences together: `table` becomes float64 [feature]."""
    return {**sums, TABLE: sums[TABLE].sum(axis=0)}
