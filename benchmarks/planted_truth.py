"""What `xc evaluate` has to say of a planted dictionary, from what was planted.

Every number by its formula, dense and in float64, over the rows, codes, directions and offsets that
were drawn; nothing of xc is imported, here or in the files with the formulas. NaN stands for null.
"""

from collections.abc import Mapping

import numpy as np
from planted_alignment import activations_alike, decoders_aligned
from planted_classes import (
    cosines,
    counts,
    dead,
    named_classes,
    overall,
    profiles_counted,
    sharedness,
    template,
)
from planted_dictionary import Columns, Planted, Values
from planted_fit import explained, rows
from planted_latents import decoder_columns, firing, profile
from planted_scaling import CURVE, curves, exclusive, scaled
from planted_twins import twins

__all__ = ["CURVE", "Planted", "columns", "curves", "named_classes", "overall", "summary", "twins"]


def columns(p: Planted) -> Columns:
    """By column of latents.parquet [latent]; class by name in `classes`."""
    return {**firing(p), **decoder_columns(p), **profile(p), **scaled(p)}


def summary(p: Planted, c: Mapping[str, np.ndarray]) -> Values:
    """By key of summary.json.

    Args:
        p: planted.
        c: its columns.
    """
    return {
        **rows(p), **explained(p), **dead(p), **sharedness(p), **decoders_aligned(p),
        **activations_alike(p), **counts(p), **profiles_counted(p, c), **cosines(p),
        **exclusive(p, c), **template(p, c),
    }  # fmt: skip
