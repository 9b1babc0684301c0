"""Command-line options out of configuration dataclasses: one per field, its docstring the help.

An option that is not given is None, so that pipeline.yaml and the defaults below it show through.
"""

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from xc.cli.numbers import reader, reads
from xc.cli.spelling import american_names, spelt_british
from xc.store_schema import RequestError, field_docs

Command = Callable[..., None]


def with_options(
    cls: type, *, skip: Sequence[str] = (), flags: Mapping[str, str] | None = None
) -> Callable[[Command], Command]:
    """Give a command `command(values, **others)` one option per field of `cls`.

    Args:
        cls: a configuration dataclass.
        skip: fields that get no option.
        flags: other names for options, by field (`layers` is asked for as `--layer`); a switch may
            name its opposite too (`on/--off`).
    """
    fields = [f for f in dataclasses.fields(cls) if f.name not in skip]
    names = [f.name for f in fields]
    flags = flags or {}
    hints = typing.get_type_hints(cls)
    extra = {f.name: _option(cls, f, hints[f.name], flags.get(f.name)) for f in fields}
    others = american_names(names)
    for other, name in others.items():
        extra[other] = _hidden(other, hints[name])

    def decorate(command: Command) -> Command:
        def wrapper(**given: Any) -> None:
            values = {name: _clean(given.pop(name)) for name in (*names, *others)}
            command(_one_spelling({n: v for n, v in values.items() if v is not None}), **given)

        own = inspect.signature(command, eval_str=True).parameters
        parameters = list(own.values())[1:] + [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
            )
            for name, annotation in extra.items()
        ]
        wrapper.__name__ = command.__name__
        wrapper.__doc__ = command.__doc__
        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
        return wrapper

    return decorate


def _option(cls: type, field: "dataclasses.Field[Any]", hint: Any, flag: str | None) -> Any:
    """An `Annotated[T | None, typer.Option(...)]` for one field."""
    kind, many = _option_type(hint)
    name = "--" + (flag or field.name).replace("_", "-")
    text = field_docs(cls).get(field.name, "") + _default_text(field)
    option = typer.Option(_declared(name, kind), help=text, show_default=False, **_read_as(kind))
    return Annotated[list[kind] | None, option] if many else Annotated[kind | None, option]  # type: ignore[valid-type]


def _hidden(name: str, hint: Any) -> Any:
    """The option of a field's other spelling."""
    kind, many = _option_type(hint)
    declared = _declared("--" + name.replace("_", "-"), kind)
    option = typer.Option(declared, hidden=True, **_read_as(kind))
    return Annotated[list[kind] | None, option] if many else Annotated[kind | None, option]  # type: ignore[valid-type]


def _read_as(kind: Any) -> dict[str, Any]:
    """How the words of an option become numbers, if they do."""
    return {"parser": reader(kind)} if reads(kind) else {}


def _declared(name: str, kind: Any) -> str:
    """A switch names its opposite too."""
    return f"{name}/--no-{name[2:]}" if kind is bool and "/" not in name else name


def _one_spelling(values: dict[str, Any]) -> dict[str, Any]:
    try:
        return spelt_british(values, where="options")
    except RequestError as error:
        raise typer.BadParameter(str(error)) from error


def _option_type(hint: Any) -> tuple[Any, bool]:
    """The plain type behind a field's annotation, and whether the option repeats.

    Numbers that repeat may also be one word (`1,2`), which the configuration reads.
    """
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    if typing.get_origin(hint) is tuple:
        kind = typing.get_args(hint)[0]
        return (str if kind in (int, float) else kind), True
    if typing.get_origin(hint) is typing.Literal:
        return str, False
    return (hint if hint in (int, float, bool, str, Path) else str), False


def _default_text(field: "dataclasses.Field[Any]") -> str:
    default = field.default
    if default is dataclasses.MISSING or default is None or default == ():
        return ""
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return f" (default: {shown})"


def _clean(value: Any) -> Any:
    """Repeated options become tuples; none given becomes None."""
    if isinstance(value, list | tuple):
        return tuple(value) or None
    return value
