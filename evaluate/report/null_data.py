"""What null controls left on disk that their pages show: latents, and reports of their own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from xc.evaluate.nulls.conditions import IDENTICAL, PERMUTED, PLANTED, SEEDS
from xc.evaluate.nulls.results import NEEDS
from xc.evaluate.report.columns import LatentColumns, read_columns
from xc.evaluate.report.null_kinds import QUESTIONS, TITLES
from xc.store_schema import RunLayout

_CLASSES = ("shared", "a_only", "b_only", "other", "dead")


_ITSELF = "this run is a null control itself"
_MADE_FROM = "made_from.json"
"""Beside the runs of a control, below RUN/nulls."""


@dataclass(frozen=True)
class ControlOf:
    """Of a run that is a null control itself: which, and where the run is told of."""

    kind: str
    address: str
    """Of the page on it in the other run's report; empty if there is none."""

    @property
    def title(self) -> str:
        """What it is called."""
        return TITLES[self.kind]

    @property
    def question(self) -> str:
        """What it asks."""
        return QUESTIONS[self.kind]


def control_of(run: RunLayout) -> ControlOf | None:
    """What a run is a control of, told by where it lies; None of an ordinary run."""
    kind, nulls = run.root.absolute().parent, run.root.absolute().parent.parent
    made = kind.name in TITLES and (kind / _MADE_FROM).is_file()
    if not made or RunLayout(nulls.parent).nulls != nulls:
        return None
    there = RunLayout(nulls.parent).report.is_file()
    return ControlOf(kind.name, f"../../../../evaluation/report.html#null-{kind.name}" * there)


def without_controls(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    """A control's own summary, in which nothing asks for controls of it."""
    reasons = summary.get("not_measured") or {}
    told = {key: _ITSELF if str(why).startswith(NEEDS) else why for key, why in reasons.items()}
    return {**summary, "not_measured": told}


@dataclass(frozen=True)
class Kept:
    """What is there of the controls beside nulls.json; RUN/nulls may have been deleted."""

    latents: Mapping[str, LatentColumns] = field(default_factory=dict)
    """By kind, latents.parquet of the control's run."""
    reproduced: LatentColumns | None = None
    """reproduced.parquet: which latents of the run other seeds found again."""
    reports: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """By kind, (run below RUN/nulls, address of its report as seen from the run's own)."""


def read_kept(
    run: RunLayout, entries: Mapping[str, Mapping[str, Any]], latents: LatentColumns
) -> Kept:
    """Read what belongs to the entries, and leave out what is of another time.

    Args:
        run: whose controls they are.
        entries: from `read_entries`.
        latents: of the run.
    """
    sides = (kind for kind in (IDENTICAL, PERMUTED) if kind in entries)
    found = {kind: _latents(run.nulls / kind / "run", entries[kind]) for kind in sides}
    reproduced = _reproduced(run, entries[SEEDS], latents) if SEEDS in entries else None
    return Kept(
        {kind: columns for kind, columns in found.items() if columns is not None},
        reproduced,
        {kind: tuple(_reports(run, kind, entry)) for kind, entry in entries.items()},
    )


def _latents(folder: Path, entry: Mapping[str, Any]) -> LatentColumns | None:
    """Those that the entry has counted."""
    columns = _read(RunLayout(folder).latents_parquet)
    if columns is None:
        return None
    counted = {name: entry.get(f"n_{name}") for name in _CLASSES}
    same = (n in (None, int(columns.of_class(name).sum())) for name, n in counted.items())
    return columns if all(same) else None


def _reproduced(
    run: RunLayout, entry: Mapping[str, Any], latents: LatentColumns
) -> LatentColumns | None:
    """That of the entry's seeds, and of the classes that the run's latents have."""
    columns = _read(run.reproduced)
    if columns is None or columns.classes.tolist() != latents.classes.tolist():
        return None
    seeds = {name for name in columns.numbers if name.startswith("partner_seed_")}
    return columns if seeds == {f"partner_seed_{seed}" for seed in entry["seeds"]} else None


def _read(path: Path) -> LatentColumns | None:
    try:
        return read_columns(parquet.read_table(path))
    except (OSError, pa.ArrowException):
        return None


def _reports(run: RunLayout, kind: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = {
        SEEDS: [f"seed={seed}" for seed in entry.get("seeds", ())],
        PLANTED: ["run_planted", "run_none"],
    }.get(kind, ["run"])
    for name in names:
        report = RunLayout(run.nulls / kind / name).report
        if report.is_file():
            yield f"{kind}/{name}", f"../{report.relative_to(run.root).as_posix()}"
