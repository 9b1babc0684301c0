"""Axes that read well: powers of ten as text, thousands as k and M, legends that fit the width."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from xc.evaluate.report.style import WIDTH

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power_of_ten(exponent: float, _: int = 0) -> str:
    """`10⁻³` for −3; 1 and 10 as they are."""
    rounded = round(exponent)
    return {0: "1", 1: "10"}.get(rounded, "10" + str(rounded).translate(_SUPERSCRIPT))


def thousands(value: float, _: int = 0) -> str:
    """`250k` for 250,000, `1.5M` for 1,500,000."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def log_counts(axes: Axes, highest: float) -> None:
    """A logarithmic y axis of counts on which a single latent is still seen."""
    axes.set_yscale("log")
    axes.set_ylim(0.7, max(highest * 1.6, 12.0))
    axes.yaxis.set_major_locator(LogLocator(base=10, numticks=8))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: thousands(v)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", which="major")


def few_ticks(axis: Any, most: int = 5) -> None:
    """At most `most` intervals between ticks, so that labels stay apart."""
    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))


def count_ticks(axis: Any, most: int = 4) -> None:
    """Few ticks, written as thousands."""
    few_ticks(axis, most)
    axis.set_major_formatter(FuncFormatter(thousands))


def no_ticks(axis: Any) -> None:
    """An axis that only carries a shape."""
    axis.set_major_locator(NullLocator())
    axis.set_minor_locator(NullLocator())


def legend(canvas: Canvas, handles: Sequence[Patch | Line2D]) -> None:
    """A legend below all axes, in as many columns as the width takes; never over the data."""
    labels = [str(handle.get_label()) for handle in handles]
    canvas.legend(
        handles=list(handles),
        loc="outside lower center",
        ncols=legend_columns(labels, canvas.get_figwidth()),
        handlelength=1.4,
        columnspacing=1.8,
    )


def legend_columns(labels: Sequence[str], width: float = WIDTH) -> int:
    """Most columns that fit `width` inches at the legend's type size, filled column by column."""
    fitting = [n for n in range(1, len(labels) + 1) if _legend_width(labels, n) <= width]
    return max(fitting, default=1)


def _legend_width(labels: Sequence[str], columns: int) -> float:
    parts = np.array_split(np.array([len(label) for label in labels]), columns)
    return sum(0.078 * float(part.max()) + 0.5 for part in parts)


def panels(canvas: Canvas, n: int) -> list[Axes]:
    """`n` panels with one common y axis, three in a row; more rows make the canvas taller."""
    columns = min(n, 3)
    rows = -(-n // columns)
    canvas.set_figheight(canvas.get_figheight() * (1 + 0.8 * (rows - 1)))
    grid = canvas.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for spare in grid[n:]:
        spare.remove()
    return list(grid[:n])
