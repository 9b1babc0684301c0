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
from xc.evaluate.report.style import INK, RULE, class_colour
from xc.evaluate.report.words import figure_text

BINS_PER_DECADE = 10
COLUMN = "frequency"
KINDS = {"role": "role", "corpus": "part"}
"""What the rows may be of, by the word behind `COLUMN`, and in titles."""
MOST_PARTS = 12
ACROSS = 3
"""Panels of parts in a row."""
PART_HEIGHT = 1.35
"""Inches of such a row."""


def draw(canvas: Canvas, data: ReportData) -> None:
    """All latents that fire as a grey ground, each class as an outline above it; below, the same
    ground and an outline of the rows of one role or part of the text."""
    everything, parts = _logs(data.latents.number(COLUMN)), _by_part(data)
    by_class = {name: _of_class(data, name) for name in living_classes(data.sources)}
    edges = _edges(np.concatenate([everything, *parts.values()]))
    axes, *small = _places(canvas, len(parts))
    _ground(axes, everything, edges)
    for name, values in by_class.items():
        if len(values):
            _outline(axes, values, edges, class_colour(name))
    _dress(axes, edges)
    axes.set_xlabel("share of held-out rows on which the latent fires")
    for place, (title, values) in zip(small, parts.items(), strict=True):
        _ground(place, everything, edges)
        _outline(place, values, edges, INK)
        _dress(place, edges, most=4)
        place.set_title(f"{title} ({len(values):,})", loc="left")
    ground = Patch(color=RULE, label=f"all that fire ({len(everything):,})")
    of_part = [Line2D([], [], color=INK, label="in these rows alone")] if parts else []
    legend(canvas, [ground, *_handles(data, by_class), *of_part])


def _places(canvas: Canvas, parts: int) -> list[Axes]:
    """One wide panel; below it small ones with one y axis in common, which make it taller."""
    rows = -(-parts // ACROSS)
    heights = (FIGURE.height, *[PART_HEIGHT] * rows)
    canvas.set_figheight(sum(heights))
    grid = canvas.add_gridspec(1 + rows, ACROSS, height_ratios=heights)
    wide, small = canvas.add_subplot(grid[0, :]), list[Axes]()
    for i in range(parts):
        place = grid[1 + i // ACROSS, i % ACROSS]
        small.append(canvas.add_subplot(place, sharey=small[0] if small else None))
    return [wide, *small]


def _by_part(data: ReportData) -> dict[str, Floats]:
    """Of each role and part of the text, by title; nothing where there is but one."""
    found: dict[str, Floats] = {}
    for name in filter(data.latents.has, data.latents.numbers):
        column, _, rest = name.partition("_")
        kind, _, part = rest.partition("_")
        if column == COLUMN and kind in KINDS and len(found) < MOST_PARTS:
            title = f"{KINDS[kind]} {figure_text(part, 20)}"
            found[title] = _logs(data.latents.number(name))
    return found


def _ground(axes: Axes, values: Floats, edges: Floats) -> None:
    axes.stairs(np.histogram(values, bins=edges)[0], edges, fill=True, color=RULE)


def _outline(axes: Axes, values: Floats, edges: Floats, colour: str) -> None:
    axes.stairs(np.histogram(values, bins=edges)[0], edges, color=colour, linewidth=1.4)


def _of_class(data: ReportData, name: str) -> Floats:
    return _logs(data.latents.number("frequency")[data.latents.of_class(name)])


def _logs(frequency: Floats) -> Floats:
    logs: Floats = np.log10(frequency[frequency > 0])
    return logs


def _edges(logs: Floats) -> Floats:
    low = min(float(np.floor(logs.min())) if len(logs) else -3.0, -1.0)
    return np.linspace(low, 0.0, round(-low) * BINS_PER_DECADE + 1)


def _dress(axes: Axes, edges: Floats, most: int = 8) -> None:
    axes.set_xlim(edges[0], edges[-1])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=most, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(power_of_ten))
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
        "that never fire on those rows are dead and have no place here. Where the rows are of more "
        "than one role or part of the corpus, a panel for each (of twelve at most) lays its own "
        "rows' shares over the grey of all rows."
    ),
    misleads=(
        "The left end is cut off by the number of held-out rows: a latent rarer than one row in "
        "all of them counts as dead, and a bump at the right end may be one latent standing in "
        "for a bias. A role or part has fewer rows, so that its left end is cut off sooner."
    ),
    needs=("latents.frequency",),
    absent="The evaluation measured no frequencies.",
    draw=draw,
    height=3.2,
)
