"""Figure: cosine between a latent's two decoder directions (figure 2 of Kissane et al.)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from xc.evaluate.report.axes import legend, log_counts, panels
from xc.evaluate.report.classes import class_label, living_classes
from xc.evaluate.report.columns import Floats
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.figure import Figure
from xc.evaluate.report.sources import NamedSource
from xc.evaluate.report.style import INK, class_colour

EDGES = np.linspace(-1, 1, 101)


def draw(canvas: Canvas, data: ReportData) -> None:
    """One panel per pair that has cosines: shared latents filled, the other classes as outlines."""
    pairs = [p for p in data.pairs if data.latents.has(data.pair_column("cosine", *p))]
    for axes, pair in zip(panels(canvas, len(pairs)), pairs, strict=True):
        _panel(axes, data, *pair)
    legend(canvas, _handles(data, pairs))


def _panel(axes: Axes, data: ReportData, first: NamedSource, second: NamedSource) -> None:
    highest = 0.0
    for name in living_classes(data.sources):
        counts, _ = np.histogram(_cosines(data, first, second, name), bins=EDGES)
        axes.stairs(
            np.maximum(counts, 0.1),
            EDGES,
            baseline=0.1,
            fill=name == "shared",
            color=class_colour(name),
            alpha=0.8,
            linewidth=1.0,
        )
        highest = max(highest, float(counts.max()))
    _median(axes, _cosines(data, first, second, "shared"))
    log_counts(axes, highest)
    axes.set_xlim(-1, 1)
    axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1", "−½", "0", "½", "1"])
    axes.set_xlabel(f"cosine of the directions in {first.title} and {second.title}")
    axes.set_ylabel("latents")


def _cosines(data: ReportData, first: NamedSource, second: NamedSource, name: str) -> Floats:
    column = data.latents.number(data.pair_column("cosine", first, second))
    values: Floats = column[data.latents.of_class(name) & np.isfinite(column)]
    return np.clip(values, -1, 1)


def _median(axes: Axes, values: Floats) -> None:
    if len(values):
        axes.axvline(float(np.median(values)), color=INK, linewidth=1.0, linestyle=(0, (4, 2)))


def _handles(
    data: ReportData, pairs: list[tuple[NamedSource, NamedSource]]
) -> list[Patch | Line2D]:
    handles: list[Patch | Line2D] = []
    for name in living_classes(data.sources):
        label = class_label(data, name, _total(data, pairs, name))
        if name == "shared":
            handles.append(Patch(color=class_colour(name), alpha=0.8, label=label))
        else:
            handles.append(Line2D([], [], color=class_colour(name), linewidth=1.0, label=label))
    handles.append(
        Line2D([], [], color=INK, linewidth=1.0, linestyle=(0, (4, 2)), label="median of shared")
    )
    return handles


def _total(data: ReportData, pairs: list[tuple[NamedSource, NamedSource]], name: str) -> int:
    return max(len(_cosines(data, *pair, name)) for pair in pairs)


FIGURE = Figure(
    name="cosines",
    title="Do shared latents point the same way? Decoder cosines",
    shows=(
        "The cosine between the two decoder directions of each latent that fires: shared latents "
        "filled, latents of one source and the rest as outlines; the count axis is logarithmic."
    ),
    misleads=(
        "It compares coordinates, not functions: two models whose residual streams are rotated "
        "against each other can share a latent at cosine 0, and where one decoder is almost zero "
        "its direction, and so the cosine, is noise."
    ),
    needs=("latents.cosine*",),
    absent="Sources of unequal width have no cosine.",
    draw=draw,
    height=3.4,
)
