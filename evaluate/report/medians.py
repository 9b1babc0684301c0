"""Every column of latents.parquet at a glance: its median over the latents of each class."""

from dataclasses import dataclass

import numpy as np

from xc.evaluate.report.class_counts import count_classes
from xc.evaluate.report.columns import Floats
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.numbers import any_size, number


@dataclass(frozen=True)
class Medians:
    """The table."""

    heads: tuple[str, ...]
    """Titles of the classes that have latents which fire."""
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    """Column, and its median in each class."""


def medians(data: ReportData) -> Medians:
    """Of every column with numbers, in the order of the file."""
    classes = [c for c in count_classes(data) if c.count and c.name != "dead"]
    of = [data.latents.of_class(c.name) for c in classes]
    return Medians(
        tuple(c.title if c.name else "all latents" for c in classes),  # no class was measured
        tuple(
            (name, tuple(_median(column[mask]) for mask in of))
            for name, column in data.latents.numbers.items()
            if np.isfinite(column).any()
        ),
    )


def _median(values: Floats) -> str:
    known = values[np.isfinite(values)]
    return number(float(np.median(known)) if len(known) else None, any_size)
