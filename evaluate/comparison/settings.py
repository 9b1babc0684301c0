"""Settings of several runs: those that differ, those that all share, and how people read them."""

from collections.abc import Sequence
from typing import Any

from xc.evaluate.comparison.entry import Entry
from xc.evaluate.comparison.unread import is_read, may_be_unread
from xc.evaluate.report.numbers import NONE

UNSHOWN = frozenset(
    ("sources", "resume", "device", "window_mb", "window_reads", "log_every", "validate_every",
     "validation_rows", "save_every", "track")
)  # fmt: skip
"""Settings that say nothing about the crosscoder, or are told beside the run's name."""

DIGITS = (4, 6, 9, 17)
"""Significant digits of a setting: the first of these that tells unlike values apart."""


def changed_settings(entries: Sequence[Entry]) -> dict[str, list[Any]]:
    """Training settings that are not the same in all runs: name to the value of each entry."""
    return {name: values for name, values in _table(entries).items() if not _alike(values)}


def shared_settings(entries: Sequence[Entry]) -> dict[str, Any]:
    """Training settings that are the same in all runs."""
    return {name: values[0] for name, values in _table(entries).items() if _alike(values)}


def _table(entries: Sequence[Entry]) -> dict[str, list[Any]]:
    every = dict.fromkeys(name for e in entries for name in e.settings)
    found = {name: [_read(e, name) for e in entries] for name in every if name not in UNSHOWN}
    return {name: values for name, values in found.items() if not _nobody_reads(name, values)}


def _read(entry: Entry, name: str) -> Any:
    """A setting of a run; None of one that its training did not read."""
    return entry.settings.get(name) if is_read(name, entry.settings) else None


def _nobody_reads(name: str, values: Sequence[Any]) -> bool:
    return may_be_unread(name) and all(value is None for value in values)


def _alike(values: Sequence[Any]) -> bool:
    return all(value == values[0] for value in values)


def setting_texts(values: Sequence[Any]) -> list[str]:
    """The values of one setting in few digits; values that differ read differently."""
    exact = [_text(value, DIGITS[-1]) for value in values]
    for digits in DIGITS:
        said = [_text(value, digits) for value in values]
        if len(set(said)) == len(set(exact)):
            return said
    return exact


def _text(value: Any, digits: int) -> str:
    match value:
        case None:
            return NONE
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.{digits}g}"
        case list() | tuple():
            return ", ".join(_text(part, digits) for part in value) or NONE
        case _:
            return str(value)
