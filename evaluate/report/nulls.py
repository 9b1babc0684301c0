"""Null controls in the report: what they say of each class, and a page for each that was made."""

from dataclasses import dataclass

from xc.evaluate.nulls.command import command
from xc.evaluate.nulls.conditions import KINDS, fitting, remarks_of_tokens
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.null_kinds import QUESTIONS, TITLES
from xc.evaluate.report.null_pages import NullPage, null_page
from xc.evaluate.report.null_tables import NullTable, estimates

MISSING, STALE = "not made", "evaluated with other thresholds or rows than the run"


@dataclass(frozen=True)
class Listed:
    """A control in the list of all of them."""

    kind: str
    title: str
    question: str
    why: str
    """Why it has no page; empty if it has one."""
    command: str
    """Which makes it."""


@dataclass(frozen=True)
class NullControls:
    """What the report shows of them."""

    estimates: NullTable
    """Estimated false discoveries and what other seeds find again."""
    listed: tuple[Listed, ...]
    """All kinds, made or not."""
    pages: tuple[NullPage, ...]
    """Of those that were made, and evaluated as the run is now."""
    remarks: tuple[str, ...]
    """That some were trained on fewer tokens than the run."""
    wanted: str
    """The command that makes all that have no page; empty if there are none."""


def null_controls(data: ReportData) -> NullControls | None:
    """None where the sources are not two, or the run is a control itself: there is nothing to
    control."""
    if len(data.sources) != 2 or data.control_of is not None:
        return None
    entries = fitting(data.summary, data.nulls)
    absent = [kind for kind in KINDS if kind not in entries]
    return NullControls(
        estimates=estimates(data.summary),
        listed=tuple(_listed(data, kind, there=kind in entries) for kind in KINDS),
        pages=tuple(null_page(kind, data, entries[kind]) for kind in KINDS if kind in entries),
        remarks=tuple(remarks_of_tokens(entries)),
        wanted=command(absent) if absent else "",
    )


def _listed(data: ReportData, kind: str, *, there: bool) -> Listed:
    why = "" if there else STALE if kind in data.nulls else MISSING
    made_by = command([kind], data.nulls.get(kind))
    return Listed(kind, TITLES[kind], QUESTIONS[kind], why, made_by)
