"""Stores whose truth is known: rows are sparse sums of planted directions, and noise.

Shared directions fire in both sources at once, A-only and B-only ones in one. Where sources are of
equal width they may be the same vectors in both, as of a model and its fine-tune.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xc.store_schema import ActivationStore, Source, StorePlan, StoreWriter

A, B = "alpha@1", "beta@1"
DIFFERENCE, JOINED = f"{A} - {B}", f"{A} + {B}"
SHARED, A_ONLY, B_ONLY = KINDS = ("shared", "a_only", "b_only")
LENGTH = 32
"""Tokens of a sequence."""


@dataclass(frozen=True)
class World:
    """What is planted."""

    widths: tuple[int, int]
    """Of A and B."""
    same: bool
    """Whether shared directions are the same vectors in both sources, of equal width then."""
    numbers: tuple[int, int, int] = (48, 16, 16)
    """Directions of each kind: shared, A only, B only."""
    rows: int = 65_536
    noise: float = 0.05
    """Standard deviation of the noise in every dimension."""

    @property
    def null(self) -> "World":
        """The same with all directions shared."""
        return replace(self, numbers=(sum(self.numbers), 0, 0))


@dataclass(frozen=True)
class Planted:
    """The planted directions."""

    kind: np.ndarray
    """str [n]."""
    directions: Mapping[str, np.ndarray]
    """By source [n, d_model], of length √(d_model/40); 0 where the source lacks the direction."""

    def of(self, key: str) -> np.ndarray:
        """What a stored or derived source holds of them, [n, its width]."""
        a, b = self.directions[A], self.directions[B]
        if key == JOINED:
            return np.concatenate([a, b], axis=1)
        return a - b if key == DIFFERENCE else self.directions[key]


def plant(world: World, path: Path, *, seed: int) -> tuple[Planted, ActivationStore]:
    """Draw directions and rows, and write the rows as a harvest would."""
    planted, rows = draw(world, seed=seed)
    return planted, write_rows(path, rows)


def draw(world: World, *, seed: int) -> tuple[Planted, dict[str, np.ndarray]]:
    """Directions, and by source rows float32 [row, d_model]; equal seeds give equal bytes."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(KINDS, world.numbers)
    drawn = [lengthened(rng.normal(size=(len(kind), width))) for width in world.widths]
    if world.same:
        drawn[1] = np.where((kind == SHARED)[:, None], drawn[0], drawn[1])
    lacking = (kind == B_ONLY, kind == A_ONLY)
    held = [np.where(no[:, None], 0, d) for no, d in zip(lacking, drawn, strict=True)]
    frequency = np.exp(rng.uniform(np.log(0.02), np.log(0.1), len(kind)))
    if world.numbers[1] == world.numbers[2]:  # both sources hold as much, so that scales agree
        frequency[kind == B_ONLY] = frequency[kind == A_ONLY]
    fires = rng.random((world.rows, len(kind))) < frequency
    codes = np.where(fires, rng.gamma(4.0, 0.5, fires.shape), 0)
    directions = dict(zip((A, B), held, strict=True))
    rows = {k: summed(codes, d, world.noise, rng) for k, d in directions.items()}
    return Planted(kind, directions), rows


def lengthened(drawn: np.ndarray) -> np.ndarray:
    """Directions of length √(d_model/40).

    Longer in wider sources, as norms of real models are, and as normalisation makes them.
    """
    unit = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return np.asarray(unit * np.sqrt(drawn.shape[1] / 40))


def summed(
    codes: np.ndarray, directions: np.ndarray, noise: float, rng: np.random.Generator
) -> np.ndarray:
    """Rows float32 [row, d_model]: what fires, a mean, and noise.

    Args:
        codes: [row, direction], 0 where a direction is silent.
        directions: [direction, d_model].
        noise: its standard deviation in every dimension.
        rng: drawn from for mean and noise.
    """
    width = directions.shape[1]
    drawn = rng.normal(size=width)
    mean = 0.3 * drawn * np.sqrt(width) / np.linalg.norm(drawn)
    x = codes @ directions + mean + noise * rng.normal(size=(len(codes), width))
    return np.asarray(x, dtype=np.float32)


def write_rows(
    path: Path,
    rows: Mapping[str, np.ndarray],
    *,
    go_on: bool = False,
    text: Mapping[str, Any] | None = None,
) -> ActivationStore:
    """A store of these rows by source, in sequences of `LENGTH`; the last eighth is held out.

    Args:
        path: where.
        rows: by source, float32 [row, d_model].
        go_on: whether a store that is there is one of these rows, to be finished.
        text: fields of the plan of the store that are to be others: `role`, `split`.
    """
    n = len(next(iter(rows.values()))) // LENGTH
    usual = {
        "token_ids": np.ones(n * LENGTH, dtype=np.int32),
        "token_offsets": np.arange(0, n * LENGTH + 1, LENGTH), "document": np.arange(n),
        "split": (np.arange(n) >= n * 7 // 8).astype(np.uint8),
        "keep": np.ones(n * LENGTH, dtype=bool), "vocabulary": [b"a", b"b"],
        "corpus": {"name": "planted"}, "tokenizer": {}, "filter": {}, "config": {},
        "shard_rows": 16384, "chunk_rows": 512,
    }  # fmt: skip
    plan = StorePlan(**{**usual, **(text or {})})
    writer = StoreWriter.create(path, plan, join=go_on)
    sources = [
        Source(key, key[:-2], None, 1, "residual", "planted", x.shape[1], "float32", "0")
        for key, x in rows.items()
    ]
    writer.add_sources(sources, codec="bf16", tuples=[tuple(rows)])
    for key, x in rows.items():
        for shard in writer.missing(key):
            start, stop = writer.shard_range(shard)
            writer.write_shard(key, shard, x[start:stop])
    writer.seal()
    return ActivationStore.open(path)
