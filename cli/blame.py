"""A wrong value is told by where it was given: as a flag, or in pipeline.yaml."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from xc.cli.pipeline_file import Pipeline
from xc.store_schema import RequestError, from_mapping

T = TypeVar("T")

Build = Callable[[Mapping[str, Any]], T]
"""Makes a configuration of a file's values, as they are, with these over them."""

_FIELD = re.compile(r"(?:unknown |no )?(\w+)")
"""How messages begin: `k must be …`, `sparsity: no 'foo'`, `unknown dtype 'foo'`."""

_NAMES = {"layers": "--layer"}
"""Options that are not called as their field."""


def option_of(name: str) -> str:
    """`expansion_factor` is typed as `--expansion-factor`."""
    return _NAMES.get(name, f"--{name.replace('_', '-')}")


def built(
    build: Build[T],
    flags: Mapping[str, Any],
    *,
    where: str,
    shown: Callable[[str], str] = option_of,
) -> T:
    """A configuration; a flag that is wrong, or made a file's values wrong, is named.

    Args:
        build: makes it; its messages begin with `where`.
        flags: of the command line, by field.
        where: the place of the file's values.
        shown: how a flag is named.

    Raises:
        RequestError: if a value is wrong.
    """
    try:
        return build(flags)
    except RequestError as error:
        text = str(error).removeprefix(f"{where}: ")
        blamed = _blamed(build, flags, text)
        if not blamed:
            raise
        first = next((name for name in blamed if re.match(rf"{name}\b", text)), None)
        if first:
            raise RequestError(shown(first) + text.removeprefix(first)) from error
        raise RequestError(f"{', '.join(map(shown, blamed))}: {text}") from error


def configured(
    cls: type[T],
    pipeline: Pipeline,
    stage: str,
    flags: Mapping[str, Any],
    *,
    beneath: Mapping[str, Any] | None = None,
) -> T:
    """The configuration of a stage: flags that were given over its section of the file.

    Args:
        cls: a configuration dataclass.
        pipeline: the file.
        stage: name of the section.
        flags: of the command line; those that are None were not given.
        beneath: values in place of the section's.

    Raises:
        RequestError: if a value is wrong.
    """
    own = pipeline.sections.get(stage, {}) if beneath is None else beneath
    where = pipeline.where(stage)
    given = {name: value for name, value in flags.items() if value is not None}
    return built(lambda over: from_mapping(cls, {**own, **over}, where=where), given, where=where)


def _blamed(build: Build[T], flags: Mapping[str, Any], text: str) -> list[str]:
    """Flags without which all is right; where more is wrong, the one that the message is about."""
    alone = [name for name in flags if _is_right(build, _without(flags, name))]
    about = _FIELD.match(text)
    return alone or [name for name in flags if about and name == about[1]]


def _is_right(build: Build[T], flags: Mapping[str, Any]) -> bool:
    try:
        build(flags)
    except RequestError:
        return False
    return True


def _without(flags: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {n: value for n, value in flags.items() if n != name}
