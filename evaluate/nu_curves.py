"""nu_curves.parquet: how many latents of a class have a ν below π, for π from 0 to 1.

What figure 8 of Minder et al. shows. ν counts as it is: a negative one is below 0.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from xc.evaluate.facts import Facts
from xc.evaluate.letters import letter
from xc.evaluate.populations import EXCLUSIVE, NUS, SHARED_LATENTS, Population

THRESHOLDS = np.arange(101) / 100
"""π."""

COLUMNS: dict[str, str] = {
    "sources": "letters of the two sources: a_b",
    "class": "a_only (ν along A's direction), b_only or shared (along B's)",
    "threshold": "π",
    "n_error": "latents of the class with ν^ε < π",
    "n_reconstruction": "with ν^r < π",
    "n_both": "with both below π",
    "n": "latents of the class that have both ν",
}
"""What the columns hold."""

_TYPES = {"sources": pa.string(), "class": pa.string(), "threshold": pa.float64()}
SCHEMA = pa.schema([pa.field(name, _TYPES.get(name, pa.int64())) for name in COLUMNS])
"""Columns of nu_curves.parquet."""


def nu_curves(facts: Facts) -> pa.Table:
    """The curves of every pair and class; empty if a needed metric was not measured."""
    if not {"class", *NUS} <= set(facts.values):
        return SCHEMA.empty_table()
    parts = [
        _curve(facts, i, population)
        for i in range(len(facts.pairs))
        for population in (*EXCLUSIVE, SHARED_LATENTS)
    ]
    return pa.concat_tables([SCHEMA.empty_table(), *parts])


def _curve(facts: Facts, pair: int, population: Population) -> pa.Table:
    members = population.members(facts)[:, pair]
    nus = np.stack([population.nu(facts, name)[members, pair] for name in NUS])
    nus = nus[:, np.isfinite(nus).all(axis=0)]
    p, q = (letter(m) for m in facts.pairs[pair])
    columns: dict[str, object] = {
        "sources": [f"{p}_{q}"] * len(THRESHOLDS),
        "class": [population.label.format(p=p, q=q)] * len(THRESHOLDS),
        "threshold": THRESHOLDS,
        **dict(zip(("n_error", "n_reconstruction", "n_both"), _below(nus), strict=True)),
        "n": np.full(len(THRESHOLDS), nus.shape[1]),
    }
    return pa.table({f.name: pa.array(columns[f.name], f.type) for f in SCHEMA}, schema=SCHEMA)


def _below(nus: np.ndarray) -> Iterator[np.ndarray]:
    """How many are below each threshold: ν^ε, ν^r, the larger of both."""
    for values in (*nus, nus.max(axis=0)):
        yield np.searchsorted(np.sort(values), THRESHOLDS, side="left")
