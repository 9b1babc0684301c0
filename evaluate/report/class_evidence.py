"""What stands beside the count of a class: its interval, and how many of it are estimated false."""

from collections.abc import Mapping
from dataclasses import dataclass

from xc.evaluate.nulls.command import command
from xc.evaluate.nulls.conditions import fitting
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.null_kinds import TITLES
from xc.evaluate.report.null_tables import ESTIMATED
from xc.evaluate.report.numbers import NONE, interval, number, percent, whole


@dataclass(frozen=True)
class FalseShare:
    """The false-discovery rate of a class, from one control."""

    text: str
    """The rate; empty where no control tells it."""
    interval: str
    control: str
    """Name of the control."""
    anchor: str
    """Of its page; empty if it has none."""
    why: str
    """Why there is no rate; empty if there is one."""
    command: str
    """Which makes the control; empty if there is one, which tells nothing of this class."""


@dataclass(frozen=True)
class ClassEvidence:
    """Beside one count."""

    interval: str
    why: str
    """Why there is no interval, empty if there is one or nothing is told."""
    false: FalseShare | None
    """None of a class that no control is about, of other than two sources, and in the report of a
    control's own run."""


def class_evidence(data: ReportData, names: tuple[str, ...]) -> Mapping[str, ClassEvidence]:
    """By name of the class."""
    return {name: _evidence(data, name) for name in names}


def _evidence(data: ReportData, name: str) -> ClassEvidence:
    bounds = interval(data.summary.get(f"n_{name}_ci"), whole)
    return ClassEvidence(bounds, "" if bounds else _why(data, f"n_{name}_ci"), _false(data, name))


def _false(data: ReportData, name: str) -> FalseShare | None:
    kind = next((kind for kind, classes in ESTIMATED.items() if name in classes), None)
    if kind is None or len(data.sources) != 2 or data.control_of is not None:
        return None
    key = f"fdr_{name}"
    text = number(data.summary.get(key), percent)
    told, known = text != NONE, kind in fitting(data.summary, data.nulls)
    return FalseShare(
        text=text if told else "",
        interval=interval(data.summary.get(f"{key}_ci"), percent),
        control=TITLES[kind],
        anchor=f"null-{kind}" if told and known else "",
        why="" if told else _why(data, key),
        command="" if known else command([kind], data.nulls.get(kind)),
    )


def _why(data: ReportData, key: str) -> str:
    return str((data.summary.get("not_measured") or {}).get(key, ""))
