"""Means over rows of a number that some rows do not have, per source, from per-sequence sums."""

import numpy as np

from xc.evaluate.metric import Sums
from xc.evaluate.row_block import RowBlock
from xc.evaluate.sequence_sums import TABLE, per_sequence


def means_over_rows(block: RowBlock, values: np.ndarray) -> dict[str, np.ndarray]:
    """Features: row count, then per column the rows that have a value, then the values' sums.

    Args:
        block: the tile.
        values: float64 [row, column], NaN where a row has none.
    """
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    return per_sequence(block, np.column_stack([np.ones(block.n_rows), known, filled]))


def mean_statistic(sums: Sums) -> np.ndarray:
    """Sums over rows that have a value, float64 […, column]; NaN where none has."""
    table = sums[TABLE][..., 1:]
    known, added = np.split(table, 2, axis=-1)
    means = np.divide(added, known, out=np.full_like(added, np.nan), where=known > 0)
    return np.asarray(means)


def shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part/whole elementwise; NaN where the whole is zero."""
    found = np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
    return np.asarray(found)
