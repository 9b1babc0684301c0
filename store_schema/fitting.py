"""Values as YAML and JSON give them, fitted to the type that a configuration field declares.

YAML reads 1e-4 as text and has no tuples; JSON has no paths. What fits without loss is converted,
what cannot be meant is refused, and anything richer is left for the configuration itself to judge.
"""

from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from xc.store_schema.errors import RequestError

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text (in quotes)",
    NoneType: "null",
}


def fitted(value: Any, kind: Any, *, where: str) -> Any:
    """`value` as the declared type wants it.

    Raises:
        RequestError: if a plain type (text, number, switch) was declared and the value is none.
    """
    options = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    for option in options:
        if isinstance(value, list) and get_origin(option) is tuple:
            return _as_tuple(value, get_args(option), where=where)
    if Path in options and isinstance(value, str):
        return Path(value)
    value = _number(value, options)
    if set(options) <= _WORDS.keys() and type(value) not in options:
        expected = " or ".join(_WORDS[option] for option in options)
        raise RequestError(f"{where}: expected {expected}, found {value!r:.80}")
    return value


def _as_tuple(values: list[Any], kinds: tuple[Any, ...], *, where: str) -> tuple[Any, ...]:
    if len(kinds) != 2 or kinds[1] is not Ellipsis:
        return tuple(values)
    return tuple(fitted(v, kinds[0], where=f"{where}[{i}]") for i, v in enumerate(values))


def _number(value: Any, options: tuple[Any, ...]) -> Any:
    """Text as a number, a whole float as an int, an int as a float, where the field asks for it."""
    if isinstance(value, str) and str not in options and {int, float} & set(options):
        value = _parsed(value)
    if isinstance(value, float) and float not in options and int in options and value.is_integer():
        return int(value)
    if type(value) is int and int not in options and float in options:
        return float(value)
    return value


def _parsed(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
