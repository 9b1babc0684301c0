"""Figure: how many exclusive latents have a ν below any threshold (figure 8 of Minder et al.)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from xc.evaluate.nu_curves import THRESHOLDS
from xc.evaluate.report.axes import count_ticks, legend, panels
from xc.evaluate.report.columns import Floats
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.figure import Figure
from xc.evaluate.report.figures.scaling import (
    Direction,
    directions_with,
    known_directions,
    own_latents,
)
from xc.evaluate.report.style import MUTED, class_colour

STYLES = {"both": "-", "error": (0, (5, 2)), "reconstruction": (0, (1, 1.5))}
LABELS = {"both": "νᵋ and νʳ below", "error": "νᵋ below", "reconstruction": "νʳ below"}


def draw(canvas: Canvas, data: ReportData) -> None:
    """A panel per direction: its own latents below each threshold."""
    directions = directions_with(data, 1) or known_directions(data)
    grid = panels(canvas, len(directions))
    highest = [
        _panel(axes, data, direction) for axes, direction in zip(grid, directions, strict=True)
    ]
    grid[0].set_ylim(0, max([1.0, *highest]) * 1.05)
    legend(canvas, _handles())


def _panel(axes: Axes, data: ReportData, direction: Direction) -> float:
    reconstruction, error = own_latents(data, direction)
    colour = class_colour(f"{direction.own.letter}_only")
    curves = {
        "both": np.maximum(error, reconstruction),
        "error": error,
        "reconstruction": reconstruction,
    }
    for name, values in curves.items():
        wide = 1.6 if name == "both" else 1.0
        axes.plot(THRESHOLDS, _below(values), color=colour, ls=STYLES[name], linewidth=wide)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "½", "1"])
    axes.set_xlabel("threshold π")
    axes.set_ylabel("latents with ν < π")
    count_ticks(axes.yaxis)
    axes.set_title(direction.told(data, f"{direction.own.title} only", room=16), loc="left")
    return float(len(error))


def _below(values: Floats) -> Floats:
    return np.searchsorted(np.sort(values), THRESHOLDS).astype(np.float64)


def _handles() -> list[Line2D]:
    return [
        Line2D([], [], color=MUTED, ls=STYLES[name], linewidth=1.2, label=label)
        for name, label in LABELS.items()
    ]


def lacks(data: ReportData) -> str | None:
    """Why there is nothing to count."""
    return None if directions_with(data, 1) else "No latent of one source only has a ν."


FIGURE = Figure(
    name="nu_curves",
    title="How many exclusive latents stand the test? Counts below a threshold of ν",
    shows=(
        "For the latents of one source only, along their own direction: how many have a νᵋ below "
        "the threshold (dashed), a νʳ below it (dotted), and both (solid), out of all (the top of "
        "the axis); a curve that rises at once is of latents that the other source lacks, one that "
        "rises late of latents that it has too."
    ),
    misleads=(
        "Counts depend on how many latents the norms call exclusive, so two crosscoders compare "
        "only for the same number of them; noisy ν of rare latents rise early and late alike."
    ),
    needs=("latents.nu_error*", "latents.nu_reconstruction*"),
    absent="Sources of unequal width have no common direction to try on both.",
    draw=draw,
    lacks=lacks,
    height=3.0,
)
