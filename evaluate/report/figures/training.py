"""Figure: the training curve, loss, fraction of variance explained and l0 over tokens."""

from collections.abc import Mapping
from typing import Any

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

PANELS = {
    "loss": "loss",
    "fve": "variance explained (fve)",
    "l0": "latents active per row (l0)",
}
TRAIN, VALIDATION = "train/", "val/"
CIRCLE: dict[str, Any] = {
    "linestyle": "",
    "marker": "o",
    "markersize": 3.2,
    "markerfacecolor": "none",
}
LINE: dict[str, Any] = {"linewidth": 1.3}

Curve = Mapping[str, Floats]


def draw(canvas: Canvas, data: ReportData) -> None:
    """One panel each for loss, fve and l0; those without data are left out."""
    curve = thinned(data.curve)
    stems = [stem for stem in PANELS if _series(TRAIN + stem, curve, data)]
    grid = canvas.subplots(1, len(stems), squeeze=False)[0]
    for axes, stem in zip(grid, stems, strict=True):
        _panel(axes, stem, curve, data)
    legend(canvas, _handles(curve, data))


def _series(stem: str, curve: Curve, data: ReportData) -> list[tuple[Floats, str]]:
    """(values, colour) of a panel: each source in its colour, the whole in ink."""
    named = [(f"{stem}_{s.letter}", source_colour(s.letter)) for s in data.sources]
    return [
        (curve[key], colour)
        for key, colour in (*named, (stem, INK))
        if key in curve and np.isfinite(curve[key]).any()
    ]


def _panel(axes: Axes, stem: str, curve: Curve, data: ReportData) -> None:
    trained = _series(TRAIN + stem, curve, data)
    held_out = _series(VALIDATION + stem, curve, data)
    for series, look in ((trained, LINE), (held_out, CIRCLE)):
        for values, colour in series:
            known = np.isfinite(values) & np.isfinite(curve["tokens"])
            axes.plot(curve["tokens"][known], values[known], color=colour, **look)
    axes.set_title(PANELS[stem], loc="left")
    axes.set_xlabel("tokens")
    axes.set_xlim(left=0)
    count_ticks(axes.xaxis, 3)
    axes.grid(axis="y")
    _limits(axes, stem, _values(trained), _values(held_out))


def _values(series: list[tuple[Floats, str]]) -> Floats:
    return np.concatenate([np.empty(0), *(values for values, _ in series)])


def _limits(axes: Axes, stem: str, trained: Floats, held_out: Floats) -> None:
    if stem == "fve":
        few_ticks(axes.yaxis, 5)
        lowest = float(np.nanmin(np.concatenate([trained, held_out])))
        axes.set_ylim(min(max(lowest, -0.05), 0.95), 1.0)
    else:
        count_ticks(axes.yaxis, 5)
        axes.set_ylim(0, max(_settled(trained, held_out) * 1.15, 1e-9))


def _settled(trained: Floats, held_out: Floats) -> float:
    """The height that shows the curves: the first few points may tower above them."""
    every = np.concatenate([trained, held_out])
    most = 4 * np.quantile(trained[np.isfinite(trained)], 0.75)
    return float(min(every[np.isfinite(every)].max(), most))


def _handles(curve: Curve, data: ReportData) -> list[Line2D]:
    handles = [Line2D([], [], color=INK, label="all sources", **LINE)]
    for source in data.sources:
        if f"{TRAIN}fve_{source.letter}" in curve:
            label = f"{source.title} · {figure_text(source.name)}"
            handles.append(Line2D([], [], color=source_colour(source.letter), label=label, **LINE))
    if any(key.startswith(VALIDATION) for key in curve):
        handles.append(Line2D([], [], color=INK, label="held-out slice", **CIRCLE))
    return handles


FIGURE = Figure(
    name="training",
    title="Did training settle? Loss, variance explained and l0",
    shows=(
        "The course of training by tokens seen: lines are training batches, circles, where there "
        "are any, a fixed slice of held-out rows at the threshold of inference."
    ),
    misleads=(
        "Batches are noisy and are rows trained on, and the slice is small: the numbers of the "
        "table above are the ones to cite; the loss also holds the sparsity and auxiliary terms, "
        "whose weights may change on the way, and its first steps may be cut off."
    ),
    needs=("metrics.tokens", "metrics.train/loss"),
    absent="The run has no training curve, as when its crosscoder was imported.",
    draw=draw,
    height=2.9,
)
