"""Max-activating examples read from `examples.parquet`; bytes that are no UTF-8 become U+FFFD."""

from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Example:
    """One row on which a latent fires strongly, with the tokens around it."""

    latent: int
    """The latent."""
    row: int
    """Row of the store."""
    sequence: int
    """Sequence of the store."""
    position: int
    """Index of the token in its sequence."""
    activation: float
    """f of the latent on that token."""
    tokens: tuple[str, ...]
    """Pieces of text, the context included."""
    activations: tuple[float, ...]
    """f of the latent on each piece, 0 where it does not fire."""
    center: int
    """Index of the token among `tokens`."""


def read_examples(table: Any) -> dict[int, tuple[Example, ...]]:
    """Examples by latent; latents in the table's order, examples by rank.

    Args:
        table: pyarrow table with the columns latent, rank, row, sequence, position, activation,
            tokens, activations, center.
    """
    names = ("latent", "rank", "row", "sequence", "position", "activation", "center")
    fields = zip(*(table.column(name).to_pylist() for name in names), strict=True)
    tokens = _texts(table.column("tokens"))
    strengths = table.column("activations").to_pylist()
    order: dict[int, int] = {}
    ranked: list[tuple[int, int, Example]] = []
    for values, pieces, fs in zip(fields, tokens, strengths, strict=True):
        latent, rank, row, sequence, position, activation, center = values
        example = Example(
            latent, row, sequence, position, activation, pieces, _numbers(fs, pieces), center
        )
        ranked.append((order.setdefault(latent, len(order)), rank, example))
    ranked.sort(key=lambda entry: entry[:2])
    groups = groupby((example for _, _, example in ranked), key=lambda e: e.latent)
    return {latent: tuple(examples) for latent, examples in groups}


def _numbers(values: list[float | None] | None, tokens: tuple[str, ...]) -> tuple[float, ...]:
    known = [0.0 if value is None else float(value) for value in values or ()][: len(tokens)]
    return (*known, *[0.0] * (len(tokens) - len(known)))


def _texts(column: Any) -> list[tuple[str, ...]]:
    whole = column.combine_chunks()
    lengths = [length or 0 for length in whole.value_lengths().to_pylist()]
    flat = [_text(value) for value in whole.flatten().cast(pa.binary()).to_pylist()]
    ends = [0]
    for length in lengths:
        ends.append(ends[-1] + length)
    return [tuple(flat[a:b]) for a, b in pairwise(ends)]


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", errors="replace")
