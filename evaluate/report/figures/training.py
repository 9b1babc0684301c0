"""Figure: the training curve, loss, fraction of variance explained and l0 over tokens."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from xc.evaluate.report.axes import count_ticks, few_ticks, legend
from xc.evaluate.report.columns import Floats
from xc.evaluate.report.curve import thinned
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.figure import Figure
from xc.evaluate.report.style import INK, source_colour
from xc.evaluate.report.words import figure_text

PANELS = (
    ("loss", "loss"),
    ("fve", "variance explained (fve)"),
    ("l0", "latents active per row (l0)"),
)


def draw(canvas: Canvas, data: ReportData) -> None:
    """One panel each for loss, fve and l0; those without data are left out."""
    curve = thinned(data.curve)
    panels = [(stem, title) for stem, title in PANELS if _series(stem, curve, data)]
    grid = canvas.subplots(1, len(panels), squeeze=False)[0]
    for axes, (stem, title) in zip(grid, panels, strict=True):
        _panel(axes, title, curve["tokens"], _series(stem, curve, data))
    legend(canvas, _handles(curve, data))


def _series(stem: str, curve: Mapping[str, Floats], data: ReportData) -> list[tuple[Floats, str]]:
    """(values, colour) of a panel: each source in its colour, the whole in ink."""
    named = [(f"{stem}_{s.letter}", source_colour(s.letter)) for s in data.sources]
    return [
        (curve[key], colour)
        for key, colour in (*named, (stem, INK))
        if key in curve and np.isfinite(curve[key]).any()
    ]


def _panel(axes: Axes, title: str, tokens: Floats, series: list[tuple[Floats, str]]) -> None:
    for values, colour in series:
        known = np.isfinite(values) & np.isfinite(tokens)
        axes.plot(tokens[known], values[known], color=colour, marker="." if known.sum() < 3 else "")
    _limits(axes, title, np.concatenate([values for values, _ in series]))
    axes.set_title(title, loc="left")
    axes.set_xlabel("tokens")
    axes.set_xlim(left=0)
    count_ticks(axes.xaxis, 3)
    axes.grid(axis="y")


def _limits(axes: Axes, title: str, values: Floats) -> None:
    few_ticks(axes.yaxis, 5)
    if title.startswith("variance"):
        axes.set_ylim(max(float(np.nanmin(values)), -0.05), 1.0)
    else:
        axes.set_ylim(0, max(_settled(values) * 1.15, 1e-9))
        count_ticks(axes.yaxis, 5)


def _settled(values: Floats) -> float:
    """The height that shows the curve: the first few points may tower above it."""
    known = values[np.isfinite(values)]
    return float(min(known.max(), 4 * np.quantile(known, 0.75)))


def _handles(curve: Mapping[str, Floats], data: ReportData) -> list[Line2D]:
    handles = [Line2D([], [], color=INK, label="all sources")]
    for source in data.sources:
        if any(f"{stem}_{source.letter}" in curve for stem, _ in PANELS):
            label = f"{source.title} · {figure_text(source.name)}"
            handles.append(Line2D([], [], color=source_colour(source.letter), label=label))
    return handles


FIGURE = Figure(
    name="training",
    title="Did training settle? Loss, variance explained and l0",
    shows="The course of training by tokens seen, as logged on training batches.",
    misleads=(
        "Batch figures are noisy and are measured on rows that were trained on: the held-out "
        "numbers of the table above are the ones to cite; the loss also holds the sparsity and "
        "auxiliary terms, whose weights may change on the way."
    ),
    needs=("metrics.tokens", "metrics.loss"),
    absent="The run has no metrics.jsonl, as when its crosscoder was imported.",
    draw=draw,
    height=2.9,
)
