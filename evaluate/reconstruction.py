"""Errors and variances of the reconstruction, summed per sequence: shared by fve and mse."""

import numpy as np

from xc.evaluate.metric import Sums
from xc.evaluate.row_block import RowBlock
from xc.evaluate.sequence_sums import TABLE, per_sequence

_NOISE = 1e-12
"""A variance below this share of the raw sum of squares is rounding."""


def error_sums(block: RowBlock) -> Sums:
    """Features: row count, then ‖x − x̂‖² of each source."""
    return per_sequence(block, np.column_stack([np.ones(block.n_rows), block.error]))


def error_and_variance_sums(block: RowBlock) -> Sums:
    """Features: row count, ‖x − x̂‖² of each source, ‖x − c‖² of each source, c a fixed centre.

    Beside the table: `n` and `shift_m` = Σ (x − c), which turn the sums around c into sums around
    the mean μ when all rows are known.
    """
    columns = np.column_stack([np.ones(block.n_rows), block.error, block.deviation])
    shifts = {f"shift_{m}": x.sum(axis=0) for m, x in enumerate(block.centred)}
    return {**per_sequence(block, columns), **shifts, "n": np.array([float(block.n_rows)])}


def errors(sums: Sums, n_sources: int) -> np.ndarray:
    """Σ‖x − x̂‖², float64 […, source]."""
    found: np.ndarray = sums[TABLE][..., 1 : 1 + n_sources]
    return found


def variances(sums: Sums, n_sources: int) -> np.ndarray:
    """Σ‖x − μ‖² = Σ‖x − c‖² − n‖μ − c‖², float64 […, source]; NaN if it is only rounding.

    For resamples the last term keeps the size it has over all rows, per row. That makes intervals
    of fve approximate: their ends move by a fraction of ‖μ − c‖²/σ² of their width, c being the
    store's mean. Exact ones would need a vector per sequence: memory that grows with the rows.
    """
    table = sums[TABLE]
    squares = table[..., 1 + n_sources : 1 + 2 * n_sources]
    offsets = np.stack([(sums[f"shift_{m}"] ** 2).sum() for m in range(n_sources)])
    spread = squares - table[..., :1] * (offsets / sums["n"] ** 2)
    kept: np.ndarray = np.where(spread > _NOISE * squares, spread, np.nan)
    return kept
