"""The section on twins: exclusive latents of both sources that point the same way."""

from collections.abc import Iterator
from dataclasses import dataclass

from xc.evaluate.report.data import ReportData
from xc.evaluate.report.numbers import NONE, interval, number, three, whole
from xc.evaluate.twins.find import KEYS
from xc.evaluate.twins.table import ENDS, FALSE, HUNGARIAN, Row

MOST = 15
"""Pairs shown."""

_METHODS = (
    ("best in sum (Hungarian)", "n_twins"),
    ("most similar first (greedy)", "n_twins_greedy"),
)
"""How pairs are made, and keys of their numbers."""


@dataclass(frozen=True)
class TwinSection:
    """What the section shows."""

    count: str
    """Number of twins, of all pairs of sources."""
    counts: tuple[tuple[str, str, str], ...]
    """(method, twins, 95 % interval), of each pair of sources where there are several."""
    medians: tuple[tuple[str, str, str], ...]
    """(thresholds, median divergence of twins, of false twins)."""
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """The most similar twins."""
    left_out: int
    """Twins that are not shown."""
    explained: tuple[tuple[str, str], ...] = tuple(KEYS.items())
    """Keys of summary.json and what they mean."""


def twin_section(data: ReportData) -> TwinSection | None:
    """None where there are no twins."""
    twins = [row for row in data.twins if row["method"] == HUNGARIAN]
    if not twins:
        return None
    heads = ("Latents", "Cosine", *(f"Apart, {_words(end)}" for end in ENDS), "Rows where high")
    shown = sorted(twins, key=lambda row: -row["cosine"])[:MOST]
    return TwinSection(
        count=number(len(twins), whole),
        counts=tuple(_counts(data)),
        medians=tuple(_medians(data, end) for end in ENDS),
        heads=heads,
        rows=tuple(_row(row, several=len(data.sources) > 2) for row in shown),
        left_out=len(twins) - len(shown),
    )


def _counts(data: ReportData) -> Iterator[tuple[str, str, str]]:
    several = len(data.sources) > 2
    for p, q in data.pairs:
        of = f"{p.title}–{q.title}, " if several else ""
        for words, stem in _METHODS:
            key = data.pair_column(stem, p, q)
            bounds = interval(data.summary.get(f"{key}_ci"), whole)
            yield f"{of}{words}", number(data.summary.get(key), whole), bounds or NONE


def _row(row: Row, *, several: bool) -> tuple[str, ...]:
    first, second = row["sources"].upper().split("_")
    names = (
        f"{first} {row['latent_a']} · {second} {row['latent_b']}"
        if several
        else (f"{row['latent_a']} · {row['latent_b']}")
    )
    apart = (number(row[f"divergence_{end}"], three) for end in ENDS)
    return names, number(row["cosine"], three), *apart, number(row[f"high_{ENDS[0]}"], whole)


def _medians(data: ReportData, end: str) -> tuple[str, str, str]:
    of = (_median(data, method, end) for method in (HUNGARIAN, FALSE))
    return (_words(end), *of)  # type: ignore[return-value]


def _median(data: ReportData, method: str, end: str) -> str:
    values = sorted(
        row[f"divergence_{end}"]
        for row in data.twins
        if row["method"] == method and row[f"divergence_{end}"] is not None
    )
    if not values:
        return NONE
    middle = len(values) // 2
    return number((values[middle] + values[-1 - middle]) / 2, three)


def _words(end: str) -> str:
    """`above 0.7, at most 0.3` for 07_03."""
    high, low = (int(part) / 10 for part in end.split("_"))
    return f"above {high:g}, at most {low:g}"
