"""The section on null controls: a run's counts beside those where nothing is to be found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xc.evaluate.nulls.conditions import (
    IDENTICAL,
    KINDS,
    PERMUTED,
    PLANTED,
    SEEDS,
    Entries,
    fitting,
    has_other_l0,
    remarks,
)
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.numbers import Format, interval, number, one, percent, three, whole

_COUNTS: tuple[tuple[str, str, Format], ...] = (
    ("Latents active per row", "l0", one),
    ("Variance explained", "fve", three),
    ("Shared latents", "n_shared", whole),
    ("A-only latents", "n_a_only", whole),
    ("B-only latents", "n_b_only", whole),
    ("Other latents", "n_other", whole),
    ("Dead latents", "n_dead", whole),
    ("Sharedness", "sharedness", three),
    ("Alignment above chance", "alignment_adjusted", three),
)
_CLASSES = (("shared", "shared"), ("A only", "a_only"), ("B only", "b_only"))


@dataclass(frozen=True)
class NullTable:
    """A small table."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Each with a name first."""


@dataclass(frozen=True)
class NullControls:
    """What the section shows."""

    estimates: NullTable
    """Estimated false discoveries and what other seeds find again."""
    tables: tuple[NullTable, ...]
    missing: tuple[str, ...]
    """Controls that were not made."""
    stale: tuple[str, ...]
    """Controls that were evaluated otherwise than the run is now: they are left out."""
    remarks: tuple[str, ...]
    """In what the others are unlike the run."""


def null_controls(data: ReportData) -> NullControls | None:
    """None where the sources are not two: there is nothing to control."""
    if len(data.sources) != 2:
        return None
    entries = fitting(data.summary, data.nulls)
    tables = (_counts(data.summary, entries), _seeds(entries), _planted(entries))
    return NullControls(
        estimates=_estimates(data.summary),
        tables=tuple(table for table in tables if table is not None),
        missing=tuple(kind for kind in KINDS if kind not in data.nulls),
        stale=tuple(kind for kind in KINDS if kind in data.nulls and kind not in entries),
        remarks=remarks(data.summary, entries),
    )


def _estimates(summary: Mapping[str, Any]) -> NullTable:
    rows = tuple(
        (
            words.capitalize(),
            number(summary.get(f"n_{name}"), whole),
            *_with_interval(summary, f"fdr_{name}"),
            *_with_interval(summary, f"reproduced_{name}"),
        )
        for words, name in _CLASSES
    )
    heads = (
        "Class", "Latents", "Estimated false", "95 % interval", "Found again by other seeds",
        "95 % interval",
    )  # fmt: skip
    return NullTable("What of each class is to be believed", heads, rows)


def _with_interval(summary: Mapping[str, Any], key: str) -> tuple[str, str]:
    bounds = interval(summary.get(f"{key}_ci"), percent)
    return number(summary.get(key), percent), bounds


def _counts(summary: Mapping[str, Any], entries: Entries) -> NullTable | None:
    titles = {IDENTICAL: "A against A", PERMUTED: "B's rows permuted"}
    made = {kind: entries[kind] for kind in titles if kind in entries}
    if not made:
        return None
    beside = (summary, *made.values())
    rows = tuple(
        (words, *(number(v.get(key), style) + _mark(key, summary, v) for v in beside))
        for words, key, style in _COUNTS
    )
    heads = ("", "This run", *(titles[kind] for kind in made))
    return NullTable("The same training where nothing is exclusive, or nothing shared", heads, rows)


def _mark(key: str, summary: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    return " ≠" if key == "l0" and has_other_l0(summary, found) else ""


def _seeds(nulls: Mapping[str, Any]) -> NullTable | None:
    if SEEDS not in nulls:
        return None
    found = nulls[SEEDS]
    suffixes = {"Cosine above 0.7": "", "Above 0.9": "_strict", "In any class": "_anywhere",
                "By chance": "_chance"}  # fmt: skip
    rows = tuple(
        (words.capitalize(), *_shares(found, f"reproduced_{name}", suffixes.values()))
        for words, name in _CLASSES
    )
    seeds = ", ".join(str(seed) for seed in found["seeds"])
    return NullTable(f"Found again by seeds {seeds}", ("Class", *suffixes), rows)


def _shares(found: Mapping[str, Any], stem: str, suffixes: Any) -> Iterator[str]:
    return (number(found.get(f"{stem}{suffix}"), percent) for suffix in suffixes)


def _planted(nulls: Mapping[str, Any]) -> NullTable | None:
    if PLANTED not in nulls:
        return None
    found = nulls[PLANTED]
    rows = tuple(
        (
            words.capitalize(),
            number(planted, whole),
            number(found.get(f"recall_{name}"), percent),
            number(found.get(f"false_{name}"), whole),
            number(found.get(f"none_false_{name}"), whole),
        )
        for (words, name), planted in zip(_CLASSES, found["directions"], strict=True)
    )
    heads = ("Kind", "Planted", "Found", "False", "False where all is shared")
    return NullTable("Planted directions, found by a small one of the same kind", heads, rows)
