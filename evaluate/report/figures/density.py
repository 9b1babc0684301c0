"""Figure: how often latents fire, log10 frequency by class (figure 7 of Becker et al.)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from xc.evaluate.report.axes import count_ticks, legend, power_of_ten
from xc.evaluate.report.classes import class_label, living_classes
from xc.evaluate.report.columns import Floats
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.figure import Figure
from xc.evaluate.report.style import RULE, class_colour

BINS_PER_DECADE = 10


def draw(canvas: Canvas, data: ReportData) -> None:
    """All latents that fire as a grey ground, each class as an outline above it."""
    axes = canvas.subplots()
    everything = _logs(data.latents.number("frequency"))
    by_class = {name: _of_class(data, name) for name in living_classes(data.sources)}
    edges = _edges(everything)
    axes.stairs(np.histogram(everything, bins=edges)[0], edges, fill=True, color=RULE)
    for name, values in by_class.items():
        if len(values):
            counts, _ = np.histogram(values, bins=edges)
            axes.stairs(counts, edges, color=class_colour(name), linewidth=1.4)
    _dress(axes, edges)
    ground = Patch(color=RULE, label=f"all that fire ({len(everything):,})")
    legend(canvas, [ground, *_handles(data, by_class)])


def _of_class(data: ReportData, name: str) -> Floats:
    return _logs(data.latents.number("frequency")[data.latents.of_class(name)])


def _logs(frequency: Floats) -> Floats:
    logs: Floats = np.log10(frequency[frequency > 0])
    return logs


def _edges(logs: Floats) -> Floats:
    low = min(float(np.floor(logs.min())) if len(logs) else -3.0, -1.0)
    return np.linspace(low, 0.0, round(-low) * BINS_PER_DECADE + 1)


def _dress(axes: Axes, edges: Floats) -> None:
    axes.set_xlim(edges[0], edges[-1])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(power_of_ten))
    axes.set_xlabel("share of held-out rows on which the latent fires")
    count_ticks(axes.yaxis)
    axes.grid(axis="y")
    axes.set_ylabel("latents")


def _handles(data: ReportData, by_class: dict[str, Floats]) -> list[Line2D]:
    return [
        Line2D([], [], color=class_colour(name), label=class_label(data, name, len(values)))
        for name, values in by_class.items()
    ]


FIGURE = Figure(
    name="density",
    title="How often do latents fire? Activation density",
    shows=(
        "The share of held-out rows on which each latent is active, on a logarithmic axis; latents "
        "that never fire on those rows are dead and have no place here."
    ),
    misleads=(
        "The left end is cut off by the number of held-out rows: a latent rarer than one row in "
        "all of them counts as dead, and a bump at the right end may be one latent standing in "
        "for a bias."
    ),
    needs=("latents.frequency",),
    absent="The evaluation measured no frequencies.",
    draw=draw,
    height=3.2,
)
