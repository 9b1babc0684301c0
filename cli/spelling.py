"""American spellings of settings: understood wherever a setting is named, told nowhere."""

from collections.abc import Iterable, Mapping
from typing import Any

from xc.store_schema import RequestError

_PAIRS = (("isation", "ization"), ("centre", "center"))


def british(name: str) -> str:
    """The name as settings have it: `normalization` is `normalisation`."""
    for ours, theirs in _PAIRS:
        name = name.replace(theirs, ours)
    return name


def american(name: str) -> str | None:
    """The other spelling of a setting; None if there is but one."""
    other = name
    for ours, theirs in _PAIRS:
        other = other.replace(ours, theirs)
    return None if other == name else other


def american_names(names: Iterable[str]) -> dict[str, str]:
    """Other spelling to setting, of those that have one."""
    return {other: name for name in names if (other := american(name)) is not None}


def spelt_british(values: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """The same values under the names of settings.

    Raises:
        RequestError: if one is given in both spellings.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        if british(name) in found:
            raise RequestError(f"{where}: '{british(name)}' is given twice; leave one out")
        found[british(name)] = value
    return found
