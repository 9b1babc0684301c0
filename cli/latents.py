"""A table of latents for the terminal, with the text on which each fires most."""

import json
import math
from typing import Literal

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xc.evaluate import Evaluation
from xc.evaluate.report.examples import Example, read_examples
from xc.evaluate.report.numbers import NONE
from xc.evaluate.report.words import visible_piece

BEFORE, AFTER = 5, 3
"""Tokens of context around the one that fires."""

WIDE = 240
"""Characters of a line that goes to no terminal."""


def print_latents(console: Console, found: pa.Table, evaluation: Evaluation) -> None:
    """One line per latent; the last column stands only where some latent has an example."""
    if not console.is_terminal:  # a file has room
        console.width = max(console.width, WIDE)
    examples = _examples(evaluation)
    rows = found.to_pylist()
    with_text = any(row["latent"] in examples for row in rows)
    table = Table(box=None, pad_edge=False)
    for field in found.schema:
        side: Literal["left", "right"] = "left" if field.type == pa.string() else "right"
        table.add_column(field.name, justify=side, overflow="fold")
    if with_text:
        table.add_column("fires on", overflow="ellipsis", no_wrap=True)
    for row in rows:
        cells = [Text(_cell(value)) for value in row.values()]
        text = _text(examples.get(row["latent"], ()))
        table.add_row(*cells, *([text] if with_text else []))
    console.print(table)
    whole = evaluation.latents.to_arrow()
    console.print(Text(f"{len(rows):,} of {len(whole):,} latents", style="dim"))


def print_json(console: Console, found: pa.Table) -> None:
    """A JSON list with one object per latent."""
    console.print(
        json.dumps(found.to_pylist(), indent=2), markup=False, highlight=False, soft_wrap=True
    )


def _examples(evaluation: Evaluation) -> dict[int, tuple[Example, ...]]:
    if not evaluation.run.examples.is_file():
        return {}
    return read_examples(evaluation.examples.to_arrow())


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NONE
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _text(examples: tuple[Example, ...]) -> Text:
    """The strongest example, its token marked; nothing that a terminal would obey."""
    if not examples:
        return Text("")
    first = examples[0]
    at = first.center
    pieces = [visible_piece(token) for token in first.tokens]
    text = Text("".join(pieces[max(at - BEFORE, 0) : at]))
    text.append(pieces[at], style="reverse")
    return text.append("".join(pieces[at + 1 : at + 1 + AFTER]))
