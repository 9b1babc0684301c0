"""Numbers as they are typed: what is none is refused in the words that pipeline.yaml is refused in.

Typer's own sentences are those of the library it converts with.
"""

import math
from collections.abc import Callable
from typing import Any

import typer

_READERS: dict[type, tuple[Callable[[str], Any], str]] = {
    int: (int, "a whole number"),
    float: (float, "a number"),
}


def reader(
    kind: type, *, least: float | None = None, infinite: bool = False
) -> Callable[[Any], Any]:
    """Turns a word of the command line into a number.

    Args:
        kind: int or float.
        least: the smallest that is taken.
        infinite: whether `inf` says something; `nan` never does.

    Raises:
        typer.BadParameter: by what is returned, if the word is no such number.
    """
    read, expected = _READERS[kind]
    words = expected if least is None else f"{expected} from {least} on"

    def number(word: Any) -> Any:
        try:
            value = read(word)
        except ValueError:
            value = None
        if value is None or not _is_taken(value, least, infinite=infinite):
            raise typer.BadParameter(f"expected {words}, found {str(word)!r:.80}")
        return value

    return number


def _is_taken(value: float, least: float | None, *, infinite: bool) -> bool:
    known = not math.isnan(value) and (infinite or not math.isinf(value))
    return known and (least is None or value >= least)


def reads(kind: Any) -> bool:
    """Whether words of this kind are numbers."""
    return kind in _READERS
