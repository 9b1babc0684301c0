"""What the report does not show, and why: measures without a value, figures without data."""

from itertools import groupby

from xc.evaluate.report.data import ReportData
from xc.evaluate.report.figure import Figure, missing


def not_measured(data: ReportData) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(reason, keys) for every reason in summary.json, reasons in order of their first key."""
    told = data.summary.get("not_measured")
    reasons = told if isinstance(told, dict) else {}
    silent = [
        k
        for k, v in data.summary.items()
        if v is None and k not in reasons and not k.endswith("_ci")
    ]
    entries = sorted((str(why), str(key)) for key, why in reasons.items())
    groups = [
        (why, tuple(key for _, key in group)) for why, group in groupby(entries, lambda e: e[0])
    ]
    if silent:
        groups.append(("no value, and summary.json tells no reason", tuple(sorted(silent))))
    return tuple(sorted(groups, key=lambda group: group[1]))


def not_drawn(figures: tuple[Figure, ...], data: ReportData) -> tuple[tuple[Figure, str], ...]:
    """(figure, reason) for every figure that lacks its data, of those about so many sources."""
    due = (figure for figure in figures if len(data.sources) >= figure.fewest)
    reasons = ((figure, missing(figure, data)) for figure in due)
    return tuple((figure, why) for figure, why in reasons if why is not None)
