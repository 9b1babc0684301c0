"""Variances of activations and of their errors over all rows, from sums around fixed centres."""

import numpy as np

from xc.evaluate.metric import Sums
from xc.evaluate.row_block import RowBlock

_NOISE = 1e-12
"""A variance below this share of the raw sum of squares is rounding."""


def variance_sums(block: RowBlock) -> Sums:
    """Rows; per source Σ‖x − c‖² and Σ‖x − x̂‖², and the vectors Σ(x − c) and Σ(x − x̂)."""
    centred = {f"shift_{m}": shift for m, shift in enumerate(block.shift)}
    residual = {f"error_{m}": off for m, off in enumerate(block.residual_sum)}
    return {
        "n": np.array([float(block.n_rows)]),
        "squares": block.deviation.sum(axis=0),
        "errors": block.error.sum(axis=0),
        **centred,
        **residual,
    }


def explained(sums: Sums, n_sources: int) -> tuple[np.ndarray, np.ndarray]:
    """Σ_d Var(x − x̂) and Σ_d Var(x), times rows − 1, float64 [source] each; the latter NaN if it
    is only rounding."""
    left = sums["errors"] - _of_means(sums, "error", n_sources)
    whole = sums["squares"] - _of_means(sums, "shift", n_sources)
    return np.maximum(left, 0.0), np.where(whole > _NOISE * sums["squares"], whole, np.nan)


def _of_means(sums: Sums, name: str, n_sources: int) -> np.ndarray:
    """n‖mean‖² of each source."""
    return np.array([(sums[f"{name}_{m}"] ** 2).sum() for m in range(n_sources)]) / sums["n"]
