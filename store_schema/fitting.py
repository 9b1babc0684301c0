"""Values as YAML and JSON give them, fitted to the type that a configuration field declares.

YAML reads 1e-4 as text and has no tuples; JSON has no paths. What fits without loss is converted;
everything else is left as it is, for the configuration itself to judge.
"""

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


def fitted(value: Any, kind: Any) -> Any:
    """`value` in the declared type, where nothing is lost; else as it is."""
    options = _options(kind)
    if isinstance(value, list):
        for option in options:
            if get_origin(option) is tuple:
                return _as_tuple(value, get_args(option))
    if isinstance(value, str) and str not in options:
        return _from_text(value, options)
    if type(value) is int and float in options and int not in options:
        return float(value)
    if type(value) is float and value.is_integer() and int in options and float not in options:
        return int(value)
    return value


def check_plain(value: Any, kind: Any, *, where: str) -> None:
    """Refuse a value of the wrong type where text, a number or a switch is declared.

    Raises:
        RequestError: naming what was expected and what was found.
    """
    options = _options(kind)
    if set(options) <= _WORDS.keys() and type(value) not in options:
        expected = " or ".join(_WORDS[option] for option in options)
        raise RequestError(f"{where}: expected {expected}, found {value!r:.80}")


def _options(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _as_tuple(values: list[Any], kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(kinds) != 2 or kinds[1] is not Ellipsis:
        return tuple(values)
    return tuple(fitted(v, kinds[0]) for v in values)


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
