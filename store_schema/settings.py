"""Configuration dataclasses: their documentation, and reading them from plain mappings.

A stage's configuration is a frozen dataclass whose fields each carry a docstring (unit, origin).
The same docstrings become the help lines of the command line, so nothing is said twice.
"""

import ast
import dataclasses
import difflib
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar, get_type_hints

from xc.store_schema.errors import RequestError
from xc.store_schema.fitting import check_listed, check_plain, fitted

T = TypeVar("T")

NESTED = "nested"
"""In the metadata of a field that is a list of texts: entries may be lists and mappings too."""

_MOST = 4
"""Words that are suggested at once."""


@cache
def field_docs(cls: type) -> dict[str, str]:
    """Docstrings below the fields of a dataclass, by field name, as one line each.

    Base classes are read first, so that a subclass may document a field anew.
    """
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base):
            docs |= _own_field_docs(base)
    return docs


def _own_field_docs(cls: type) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    if not isinstance(body, ast.ClassDef):
        return {}
    docs: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            docs[field.target.id] = " ".join(text.value.value.split())
    return docs


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` if a known word is near, else the list of known words.

    Where the word is how several begin, all of those are near.
    """
    options = sorted(known)
    begun = [option for option in options if word and option.startswith(word)]
    near = begun if 1 < len(begun) <= _MOST else difflib.get_close_matches(word, options, n=1)
    quoted = " or ".join(f"'{option}'" for option in near)
    return f"; did you mean {quoted}?" if near else f"; known: {', '.join(options)}"


def refuse_unknown(keys: Iterable[str], known: Iterable[str], *, where: str) -> None:
    """Refuse a key that nobody reads.

    Raises:
        RequestError: naming the first unknown key and the nearest known one.
    """
    known = set(known)
    for key in keys:
        if key not in known:
            raise RequestError(f"{where}: unknown key '{key}'{suggestion(str(key), known)}")


def from_mapping(cls: type[T], values: Mapping[str, Any], *, where: str) -> T:
    """Build a configuration dataclass; `where` names the place of the values in messages.

    A list, or one entry alone, becomes a tuple, text a path or a decimal number, where the field
    declares that.

    Raises:
        RequestError: on an unknown key, or a value that the dataclass refuses.
    """
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    refuse_unknown(values, fields, where=where)
    kinds = get_type_hints(cls)
    given = {name: fitted(value, kinds[name]) for name, value in values.items()}
    for name, value in given.items():
        nested = bool(fields[name].metadata.get(NESTED))
        check_listed(value, kinds[name], nested=nested, where=f"{where}: {name}")
    try:
        config = cls(**given)
    except RequestError as error:
        raise RequestError(f"{where}: {error}") from error
    except (AttributeError, TypeError, ValueError) as error:
        _check_plain(given, kinds, where)  # knows better than Python what is wrong with a value
        raise RequestError(f"{where}: {error}") from error
    _check_plain({name: getattr(config, name) for name in values}, kinds, where)
    return config


def _check_plain(values: Mapping[str, Any], kinds: Mapping[str, Any], where: str) -> None:
    for name, value in values.items():
        check_plain(value, kinds[name], where=f"{where}: {name}")


def to_mapping(config: Any) -> dict[str, Any]:
    """The fields of a configuration as plain values for YAML or JSON (tuples become lists)."""
    return {f.name: _plain(getattr(config, f.name)) for f in dataclasses.fields(config)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_mapping(value)
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
