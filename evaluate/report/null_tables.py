"""Tables on the pages of null controls."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xc.evaluate.nulls.conditions import IDENTICAL, PERMUTED, has_other_l0
from xc.evaluate.report.columns import LatentColumns
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.numbers import (
    NONE,
    Format,
    interval,
    number,
    one,
    percent,
    three,
    whole,
)

CLASSES = (("shared", "shared"), ("A only", "a_only"), ("B only", "b_only"))
"""Words and name of the classes that controls speak of."""
MOST = 25
"""Rows of a list of latents."""

_ALIKE: tuple[tuple[str, str, Format], ...] = (
    ("Latents active per row", "l0", one),
    ("Variance explained", "fve", three),
    ("Sharedness", "sharedness", three),
    ("Alignment above chance", "alignment_adjusted", three),
)
_COUNTED = (*CLASSES, ("other", "other"), ("dead", "dead"))
ESTIMATED = {IDENTICAL: ("a_only", "b_only"), PERMUTED: ("shared",)}
"""By kind, classes whose false discoveries it estimates."""
_AGAIN = {"Above 0.9": "_strict", "In any class": "_anywhere", "By chance": "_chance"}


@dataclass(frozen=True)
class NullTable:
    """A small table."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Each with a name first."""
    links: tuple[str, ...] = ()
    """Where the name of each row leads on this page, empty: nowhere; none for no row at all."""
    sortable: bool = False


def estimates(summary: Mapping[str, Any]) -> NullTable:
    """What the controls say of each class."""
    rows = tuple(
        (
            words.capitalize(),
            number(summary.get(f"n_{name}"), whole),
            *_with_interval(summary, f"fdr_{name}"),
            *_with_interval(summary, f"reproduced_{name}"),
        )
        for words, name in CLASSES
    )
    heads = (
        "Class", "Latents", "Estimated false", "95 % interval", "Found again by other seeds",
        "95 % interval",
    )  # fmt: skip
    return NullTable("What of each class is to be believed", heads, rows)


def _with_interval(found: Mapping[str, Any], key: str) -> tuple[str, str]:
    bounds = interval(found.get(f"{key}_ci"), percent)
    return number(found.get(key), percent), bounds


def beside(
    summary: Mapping[str, Any], entry: Mapping[str, Any], kind: str, title: str
) -> tuple[NullTable, NullTable]:
    """A run beside a control: how much they are alike, and latents by class with what is estimated
    false."""
    counts = tuple(
        (
            words.capitalize(),
            *(number(v.get(f"n_{name}"), whole) for v in (summary, entry)),
            *(_with_interval(summary, f"fdr_{name}") if name in ESTIMATED[kind] else ("", "")),
        )
        for words, name in _COUNTED
    )
    heads = ("Latents", "This run", title, "Estimated false", "95 % interval")
    return alike(summary, {title: entry}), NullTable("Latents by class", heads, counts)


def alike(summary: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]) -> NullTable:
    """What says whether counts can be set beside each other, L0 first, marked where it is apart.

    Args:
        summary: of the run.
        others: what was measured of runs of controls, by name.
    """
    marks = [" ≠" if has_other_l0(summary, found) else "" for found in others.values()]
    rows = tuple(
        (
            words,
            number(summary.get(key), style),
            *(
                number(found.get(key), style) + mark * (key == "l0")
                for found, mark in zip(others.values(), marks, strict=True)
            ),
        )
        for words, key, style in _ALIKE
    )
    return NullTable("How much the runs are alike", ("", "This run", *others), rows)


def again(
    summary: Mapping[str, Any], entry: Mapping[str, Any], reproduced: LatentColumns | None
) -> NullTable:
    """How many latents of each class other seeds find again."""
    rows = tuple(
        (
            words.capitalize(),
            number(summary.get(f"n_{name}"), whole),
            *_with_interval(entry, f"reproduced_{name}"),
            *_everywhere(reproduced, name),
            *(
                number(entry.get(f"reproduced_{name}{suffix}"), percent)
                for suffix in _AGAIN.values()
            ),
        )
        for words, name in CLASSES
    )
    heads = ("Class", "Latents", "Found again", "95 % interval", "By all seeds", "By none", *_AGAIN)
    seeds = ", ".join(str(seed) for seed in entry["seeds"])
    return NullTable(
        f"Found again by seeds {seeds}, with a cosine above 0.7, in the same class", heads, rows
    )


def _everywhere(reproduced: LatentColumns | None, name: str) -> tuple[str, str]:
    """How many of a class all seeds have, and how many none has."""
    if reproduced is None:
        return NONE, NONE
    shares = reproduced.number("reproduced")[reproduced.of_class(name)]
    return number(float((shares == 1).sum()), whole), number(float((shares == 0).sum()), whole)


def found_again(
    data: ReportData, entry: Mapping[str, Any], reproduced: LatentColumns
) -> Iterator[NullTable]:
    """Exclusive latents one by one, those that come back in most seeds first."""
    seeds = entry["seeds"]
    for words, name in CLASSES[1:]:
        of = np.flatnonzero(reproduced.of_class(name))
        shares, best = (reproduced.number(key)[of] for key in ("reproduced", "cosine"))
        order = of[np.lexsort((-best, -shares))]
        if not len(order):
            continue
        shown = order[:MOST]
        left = len(order) - len(shown)
        rest = f"; reproduced.parquet has {left:,} more" if left else ""
        yield NullTable(
            f"{words.replace(' ', '-')} latents, those found again first{rest}",
            ("Latent", "Found by seeds", "Largest cosine", *(f"In seed {s}" for s in seeds)),
            tuple(_row(reproduced, int(i), seeds) for i in shown),
            tuple(_link(data, int(reproduced.latent[i])) for i in shown),
            sortable=True,
        )


def _row(reproduced: LatentColumns, i: int, seeds: Sequence[int]) -> tuple[str, ...]:
    found = reproduced.number("reproduced")[i] * len(seeds)
    return (
        str(reproduced.latent[i]),
        f"{number(found, whole)} of {len(seeds)}",
        number(reproduced.number("cosine")[i], three),
        *(number(reproduced.number(f"partner_seed_{seed}")[i], whole) for seed in seeds),
    )


def _link(data: ReportData, latent: int) -> str:
    """Where the page shows the text that makes it fire; empty where it does not."""
    return f"#latent-{latent}" if latent in data.examples else ""


def planted(entry: Mapping[str, Any]) -> tuple[NullTable, NullTable]:
    """What was planted, found and made up; and how well the small crosscoders reconstruct."""
    rows = tuple(
        (
            words.capitalize(),
            number(there, whole),
            number(found(entry, name, there), whole),
            number(entry.get(f"recall_{name}"), percent),
            number(entry.get(f"false_{name}"), whole),
            number(precision(entry, name, there), percent),
            number(entry.get(f"none_false_{name}"), whole),
        )
        for (words, name), there in zip(CLASSES, entry["directions"], strict=True)
    )
    heads = (
        "Kind",
        "Planted",
        "Found",
        "Recall",
        "False",
        "Precision",
        "False where all is shared",
    )
    keys = (
        ("Latents active per row", "l0", one), ("Variance explained", "fve", three),
        ("Latents that fire", "alive", whole), ("Those that are no direction", "unmatched", whole),
    )  # fmt: skip
    alike = tuple(
        (words, *(number(entry.get(f"{prefix}{key}"), style) for prefix in ("", "none_")))
        for words, key, style in keys
    )
    return (
        NullTable("Planted directions, and latents called so", heads, rows),
        NullTable("The two small crosscoders", ("", "As planted", "All shared"), alike),
    )


def found(entry: Mapping[str, Any], name: str, there: int) -> int | None:
    """Planted directions of a kind that were found, and called so."""
    share = entry.get(f"recall_{name}")
    return None if share is None else round(share * there)


def precision(entry: Mapping[str, Any], name: str, there: int) -> float | None:
    """Share of the latents of a class that are planted directions of that kind."""
    right, false = found(entry, name, there), entry.get(f"false_{name}")
    if right is None or false is None or right + false == 0:
        return None
    return float(right / (right + false))
