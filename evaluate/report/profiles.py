"""The section on more than two sources: where latents are, where they peak, where they are born."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xc.evaluate.metrics import METRICS
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.numbers import interval, number, two, whole

_COLUMNS = (
    ("n_present", "Present"),
    ("n_peak", "Largest"),
    ("n_birth_10", "Born, 10 %"),
    ("n_birth_50", "Born, 50 %"),
)
"""Metrics and short headings; their words are those of the metrics."""


Count = tuple[str, str]
"""A number of latents, and its interval, empty if there is none."""


@dataclass(frozen=True)
class Profiles:
    """What the section shows."""

    heads: tuple[tuple[str, str], ...]
    """Title and hint of each column."""
    rows: tuple[tuple[str, str, tuple[Count, ...]], ...]
    """Letter and name of each source, and its counts."""
    persistence: tuple[tuple[int, Count], ...]
    """Number of sources, and how many latents are present in so many."""
    mean: str
    """Of persistence."""
    bounds: str
    """Its interval."""


def profiles(data: ReportData) -> Profiles | None:
    """None for one or two sources, where relative norms tell all of it, or if nothing is known."""
    if len(data.sources) < 3 or data.summary.get("persistence_mean") is None:
        return None
    found = data.summary
    n = len(data.sources)
    return Profiles(
        heads=tuple((title, _hint(key)) for key, title in _COLUMNS),
        rows=tuple(
            (
                source.title,
                source.name,
                tuple(_count(found, f"{key}_{source.letter}") for key, _ in _COLUMNS),
            )
            for source in data.sources
        ),
        persistence=tuple((k, _count(found, f"n_persistence_{k}")) for k in range(1, n + 1)),
        mean=number(found["persistence_mean"], two),
        bounds=interval(found.get("persistence_mean_ci"), two),
    )


def _count(found: Mapping[str, Any], key: str) -> Count:
    return number(found.get(key), whole), interval(found.get(f"{key}_ci"), whole)


def _hint(name: str) -> str:
    """What the metric says of itself, shown on hover."""
    (metric,) = (m for m in METRICS if m.name == name)
    return f"{metric.summary} {metric.meaning} {metric.misleads}"
