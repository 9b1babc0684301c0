"""A table of latents for the terminal, with the text on which each fires most."""

import json
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xc.evaluate import Evaluation
from xc.evaluate.report.examples import Example, read_examples
from xc.evaluate.report.numbers import NONE, in_form
from xc.evaluate.report.words import visible_piece

BEFORE, AFTER = 5, 3
"""Tokens of context around the one that fires."""

WIDE = 240
"""Characters of a line that goes to no terminal, unless its columns need more."""

GAP = 2
"""Characters between two columns."""

FIRES_ON = "fires on"
TEXT_ROOM = 12
"""Characters, with the gap, from which a column of text is worth its place."""

WHOLE_ROOM = 40
"""The same, from which heads need not be folded to make room for the text."""

WORD = 6
"""Letters of a head that stay on one line."""


def print_latents(console: Console, found: pa.Table, evaluation: Evaluation) -> None:
    """A line for each latent, or a block of lines where a terminal has no room for the columns."""
    examples, rows = _examples(evaluation), found.to_pylist()
    shown = _Shown(
        found.schema,
        [[_cell(value) for value in row.values()] for row in rows],
        [_text(examples.get(row["latent"], ())) for row in rows],
    )
    if not console.is_terminal:  # a file has room
        console.width = max(console.width, WIDE, shown.width(folded=False) + WHOLE_ROOM)
    folded = console.width < shown.width(folded=False) + WHOLE_ROOM * any(shown.texts)
    room = console.width - shown.width(folded=folded)
    if room < 0:
        _print_blocks(console, shown)
    else:
        console.print(_table(shown, folded=folded, room=room))
    hidden = any(shown.texts) and 0 <= room < TEXT_ROOM
    hint = "; a wider terminal shows what they fire on" if hidden else ""
    console.print(
        Text(f"{len(rows):,} of {evaluation.latents.n_rows:,} latents{hint}", style="dim")
    )
    blank = [row["latent"] for row in rows if not examples.get(row["latent"])]
    if blank and not hidden:
        why = _why_blank(blank, evaluation, any_kept=bool(examples))
        console.print(Text(why, style="dim"))


def _why_blank(blank: list[int], evaluation: Evaluation, *, any_kept: bool) -> str:
    """Why it is not told of these latents what they fire on."""
    if not any_kept:
        return (
            "no text of what they fire on: this evaluation kept no examples; `xc evaluate` with "
            "all metrics and --examples above 0 does"
        )
    silent = int(np.count_nonzero(evaluation.latents.column("frequency")[blank] == 0))
    why = [f"dead on the rows that were measured ({silent:,})"] if silent else []
    if rest := len(blank) - silent:
        why.append(
            f"no example was kept ({rest:,}; `xc evaluate` keeps those of --latents-per-class "
            "latents of each class)"
        )
    return f"no text of what {len(blank):,} of them fire on: {', '.join(why)}"


@dataclass(frozen=True)
class _Shown:
    """Latents as they are printed."""

    schema: pa.Schema
    cells: list[list[str]]
    """[latent, column]."""
    texts: list[Text]
    """What each fires on; empty if nothing is known of it."""

    def widths(self, *, folded: bool) -> list[int]:
        """Characters of each column, its head whole or on two lines."""
        heads = [cell_len(name) for name in self.schema.names]
        if folded:
            heads = [max(min(head, WORD), -(-head // 2)) for head in heads]
        return [max(sizes) for sizes in zip(heads, *self._sizes(), strict=True)]

    def width(self, *, folded: bool) -> int:
        """Characters of a line without the text."""
        widths = self.widths(folded=folded)
        return sum(widths) + GAP * (len(widths) - 1)

    def _sizes(self) -> list[list[int]]:
        return [[cell_len(cell) for cell in row] for row in self.cells]


def _table(shown: _Shown, *, folded: bool, room: int) -> Table:
    """Columns; the last holds the text, where there is any and room for it."""
    with_text = any(shown.texts) and room >= TEXT_ROOM
    table = Table(box=None, pad_edge=False)
    for field, width in zip(shown.schema, shown.widths(folded=folded), strict=True):
        side: Literal["left", "right"] = "left" if field.type == pa.string() else "right"
        table.add_column(field.name, justify=side, overflow="fold", width=width)
    if with_text:
        table.add_column(FIRES_ON, overflow="ellipsis", no_wrap=True, max_width=room - GAP)
    for cells, text in zip(shown.cells, shown.texts, strict=True):
        table.add_row(*map(Text, cells), *([text] if with_text else []))
    return table


def _print_blocks(console: Console, shown: _Shown) -> None:
    """Lines of name and value, an empty one behind each latent."""
    for cells, text in zip(shown.cells, shown.texts, strict=True):
        for name, cell in zip(shown.schema.names, cells, strict=True):
            console.print(Text(f"{name}: {cell}"))
        if text:
            line = Text(f"{FIRES_ON}: ").append_text(text)
            console.print(line, overflow="ellipsis", no_wrap=True)
        console.print()


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
    return in_form(value, ".4g") if isinstance(value, float) else str(value)


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
