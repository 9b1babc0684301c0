"""Values as YAML and JSON give them, fitted to the type that a configuration field declares.

YAML reads 1e-4 as text and has no tuples; JSON has no paths. What fits without loss is converted;
everything else is left as it is, for the configuration itself to judge.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from upath import UPath

from xc.store_schema.errors import RequestError
from xc.store_schema.places import place

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text (in quotes)",
    NoneType: "null",
}
_LISTS = {
    int: "a whole number, or a list of them",
    float: "a number, or a list of them",
    str: "text, or a list of texts",
}


def fitted(value: Any, kind: Any) -> Any:
    """`value` in the declared type, where nothing is lost; else as it is."""
    options = _options(kind)
    many = _tuple_among(options)
    if many is not None and value is not None:
        return _as_tuple(value, get_args(many))
    if isinstance(value, str) and str not in options:
        return _from_text(value, options)
    if type(value) is int and float in options and int not in options:
        return float(value)
    if type(value) is float and value.is_integer() and int in options and float not in options:
        return int(value)
    return value


def check_plain(value: Any, kind: Any, *, where: str) -> None:
    """Refuse a value of the wrong type where text, a number or a switch is declared.

    A number is finite: YAML's .nan and .inf are none that a setting could have.

    Raises:
        RequestError: naming what was expected and what was found.
    """
    options = _options(kind)
    wrong = type(value) not in options or (type(value) is float and not math.isfinite(value))
    if set(options) <= _WORDS.keys() and wrong:
        expected = " or ".join(_WORDS[option] for option in options)
        raise RequestError(f"{where}: expected {expected}, found {value!r:.80}")


def check_listed(value: Any, kind: Any, *, nested: bool, where: str) -> None:
    """Refuse what is no text or number where a list of either is declared.

    Args:
        value: from `fitted`.
        kind: the declared type.
        nested: whether entries may be lists and mappings, which the configuration reads.
        where: the place, for messages.

    Raises:
        RequestError: naming what was expected and what was found.
    """
    options = _options(kind)
    many = _tuple_among(options)
    if many is None or get_args(many)[0] not in _LISTS or (value is None and NoneType in options):
        return
    fits = (str, int, float, *((list, tuple, Mapping) if nested else ()))
    entries = value if isinstance(value, tuple) else (value,)
    wrong = [e for e in entries if isinstance(e, bool) or not isinstance(e, fits)]
    if wrong:
        expected = _LISTS[get_args(many)[0]]
        raise RequestError(f"{where}: expected {expected}, found {wrong[0]!r:.80}")


def _tuple_among(options: tuple[Any, ...]) -> Any:
    """The tuple among the declared types; None if there is none."""
    return next((option for option in options if get_origin(option) is tuple), None)


def _options(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _as_tuple(value: Any, kinds: tuple[Any, ...]) -> Any:
    """A list, or one entry alone, as a tuple; of any length only where that is declared."""
    listed = isinstance(value, list | tuple)
    if len(kinds) != 2 or kinds[1] is not Ellipsis:
        return tuple(value) if listed else value
    return tuple(_entry(v, kinds[0]) for v in (value if listed else [value]))


def _entry(value: Any, kind: Any) -> Any:
    """An entry of a list; a number among texts is meant as it is written."""
    return str(value) if kind is str and type(value) in (int, float) else fitted(value, kind)


def _from_text(text: str, options: tuple[Any, ...]) -> Any:
    if UPath in options:  # a Path would make one slash of the two of a URL
        return place(text)
    if Path in options:
        return Path(text)
    if float in options:
        try:
            return float(text)
        except ValueError:
            return text
    return text
