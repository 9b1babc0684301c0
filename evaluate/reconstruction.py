"""Errors and variances of the reconstruction: what mse and fve sum up."""

import numpy as np

from xc.evaluate.metric import Sums
from xc.evaluate.row_block import RowBlock
from xc.evaluate.sequence_sums import TABLE, per_sequence

ERRORS = "errors"
_NOISE = 1e-12
"""A variance below this share of the raw sum of squares is rounding."""


def error_sums(block: RowBlock) -> Sums:
    """Features: row count, then ‖x − x̂‖² of each source."""
    return per_sequence(block, np.column_stack([np.ones(block.n_rows), block.error]))


def errors(sums: Sums, n_sources: int) -> np.ndarray:
    """Σ‖x − x̂‖², float64 […, source]."""
    found: np.ndarray = sums[TABLE][..., 1 : 1 + n_sources]
    return found


def error_and_variance_sums(block: RowBlock) -> Sums:
    """Rows, and per source Σ‖x − x̂‖², Σ‖x − c‖² and the vector Σ(x − c), c a fixed centre.

    The last turns sums of squares around c into those around the mean μ when all rows are known.
    """
    return {
        "n": np.array([float(block.n_rows)]),
        ERRORS: block.error.sum(axis=0),
        "squares": block.deviation.sum(axis=0),
        **{f"shift_{m}": shift for m, shift in enumerate(block.shift)},
    }


def variances(sums: Sums, n_sources: int) -> np.ndarray:
    """Σ‖x − μ‖² = Σ‖x − c‖² − n‖μ − c‖², float64 [source]; NaN if it is only rounding."""
    offsets = np.array([np.square(sums[f"shift_{m}"]).sum() for m in range(n_sources)])
    spread = sums["squares"] - offsets / np.maximum(sums["n"], 1)
    kept: np.ndarray = np.where(spread > _NOISE * sums["squares"], spread, np.nan)
    return kept
