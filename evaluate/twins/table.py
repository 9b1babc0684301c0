"""twins.parquet: the pairs, how they were chosen, how alike they point and how unlike they fire."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from xc.evaluate.twins.divergence import THRESHOLDS

Row = Mapping[str, Any]
"""A row of the table."""

HUNGARIAN, GREEDY, FALSE = "hungarian", "greedy", "false"
"""How pairs are made: best in sum, best first, and the first kind's latents paired anew."""


def _named(high: float, low: float) -> str:
    return f"{10 * high:02.0f}_{10 * low:02.0f}"


ENDS = tuple(_named(*pair) for pair in THRESHOLDS)
"""Ends of column names: 07_03, 04_01."""

COLUMNS: dict[str, str] = {
    "sources": "letters of the two sources: a_b",
    "latent_a": "latent that only the first source writes",
    "latent_b": "latent that only the second source writes",
    "method": (
        "hungarian (one to one, the largest sum of cosines), greedy (one to one, the most similar "
        "first), or false (the hungarian pairs' latents, each with another's partner)"
    ),
    "cosine": "of the first's direction in its source and the second's in its own",
    **{
        column: text
        for (high, low), end in zip(THRESHOLDS, ENDS, strict=True)
        for column, text in (
            (
                f"divergence_{end}",
                f"rows where one is above {high:g} of the larger of both maxima and the other at "
                f"most {low:g}, over rows where one is above {high:g}; null where none is",
            ),
            (f"high_{end}", f"rows where one is above {high:g}"),
        )
    },
}
"""What the columns hold."""

_TYPES = {"sources": pa.string(), "method": pa.string(), "latent_a": pa.int32()}
_TYPES |= {"latent_b": pa.int32(), **{f"high_{end}": pa.int64() for end in ENDS}}

SCHEMA = pa.schema([pa.field(name, _TYPES.get(name, pa.float64())) for name in COLUMNS])
"""Columns of twins.parquet."""


@dataclass(frozen=True)
class Chosen:
    """Pairs that one method found between two sources."""

    sources: str
    """Their letters: a_b."""
    method: str
    """How."""
    a: np.ndarray
    """Latents, int64 [pair]."""
    b: np.ndarray
    """Latents, int64 [pair]."""
    cosine: np.ndarray
    """float64 [pair]."""


def twins_table(found: Sequence[Chosen], divergence: np.ndarray, high: np.ndarray) -> pa.Table:
    """The pairs of all methods, one behind the other.

    Args:
        found: pairs.
        divergence: float64 [threshold, pair], over all of them.
        high: likewise, the rows that it is over.
    """
    if not found:
        return SCHEMA.empty_table()
    columns: dict[str, Iterable[object]] = {
        "sources": [c.sources for c in found for _ in c.a],
        "latent_a": np.concatenate([c.a for c in found]),
        "latent_b": np.concatenate([c.b for c in found]),
        "method": [c.method for c in found for _ in c.a],
        "cosine": np.concatenate([c.cosine for c in found]),
    }
    for end, values, rows in zip(ENDS, divergence, high, strict=True):
        columns[f"divergence_{end}"] = pa.array(values, pa.float64(), mask=np.isnan(values))
        columns[f"high_{end}"] = rows.astype(np.int64)
    return pa.table({f.name: pa.array(columns[f.name], f.type) for f in SCHEMA}, schema=SCHEMA)
