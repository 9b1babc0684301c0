"""Figure: how often latents fire, log10 frequency by class (figure 7 of Becker et al.)."""

import numpy as np
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
    logs = {name: _logs(data, name) for name in living_classes(data.sources)}
    edges = _edges(np.concatenate(list(logs.values())))
    total, _ = np.histogram(np.concatenate(list(logs.values())), bins=edges)
    axes.stairs(total, edges, fill=True, color=RULE)
    for name, values in logs.items():
        if len(values):
            counts, _ = np.histogram(values, bins=edges)
            axes.stairs(counts, edges, color=class_colour(name), linewidth=1.4)
    axes.set_xlim(edges[0], edges[-1])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(power_of_ten))
    axes.set_xlabel("share of held-out rows on which the latent fires")
    count_ticks(axes.yaxis)
    axes.grid(axis="y")
    axes.set_ylabel("latents")
    legend(canvas, _handles(data, logs))


def _logs(data: ReportData, name: str) -> Floats:
    frequency = data.latents.number("frequency")[data.latents.of_class(name)]
    values: Floats = np.log10(frequency[frequency > 0])
    return values


def _edges(logs: Floats) -> Floats:
    low = min(float(np.floor(logs.min())) if len(logs) else -3.0, -1.0)
    return np.linspace(low, 0.0, round(-low) * BINS_PER_DECADE + 1)


def _handles(data: ReportData, logs: dict[str, Floats]) -> list[Patch | Line2D]:
    total = sum(len(values) for values in logs.values())
    lines = [
        Line2D([], [], color=class_colour(name), label=class_label(data, name, len(values)))
        for name, values in logs.items()
    ]
    return [Patch(color=RULE, label=f"all that fire ({total:,})"), *lines]


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
