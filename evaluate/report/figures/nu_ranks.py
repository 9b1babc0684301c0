"""Figure: do ν and decoder norms rank exclusive latents alike (figure 4 of Minder et al.)?"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from scipy.stats import rankdata

from xc.evaluate.populations import FEWEST
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
from xc.evaluate.report.style import MUTED, RULE, class_colour

LOWEST = 100
"""Latents with the lowest ν that are looked at."""

STYLES = {"νᵋ": "-", "νʳ": (0, (4, 2))}


def draw(canvas: Canvas, data: ReportData) -> None:
    """A panel per direction: at what ranks of the norms the lowest ν are found."""
    directions = directions_with(data, FEWEST) or known_directions(data)
    for axes, direction in zip(panels(canvas, len(directions)), directions, strict=True):
        _panel(axes, data, direction)
    legend(canvas, _handles())


def _panel(axes: Axes, data: ReportData, direction: Direction) -> None:
    reconstruction, error = own_latents(data, direction)
    ranks = rankdata(_distance(data, direction))
    n = max(len(ranks), 1)
    k = min(LOWEST, n)
    colour = class_colour(f"{direction.own.letter}_only")
    axes.plot([0, n], [0, 1], color=RULE, linewidth=0.8, zorder=0)
    axes.plot([0, k, n], [0, 1, 1], color=MUTED, linewidth=0.8, ls=(0, (1, 2)), zorder=0)
    for name, nu in (("νᵋ", error), ("νʳ", reconstruction)):
        found = np.sort(ranks[np.argsort(nu, kind="stable")[:k]])
        share = np.arange(1, len(found) + 1) / max(len(found), 1)
        steps = np.concatenate([[0], found, [n]]), np.concatenate([[0], share, share[-1:]])
        if len(found):
            axes.step(*steps, where="post", color=colour, ls=STYLES[name], linewidth=1.3)
    axes.set_xlim(0, n)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("rank by decoder norms")
    axes.set_ylabel("share of the lowest ν")
    count_ticks(axes.xaxis, 3)
    axes.set_title(direction.told(data, f"{direction.own.title} only", room=16), loc="left")


def _distance(data: ReportData, direction: Direction) -> Floats:
    """Of the own latents: how far their norms are from those of a latent of one source alone."""
    first, second = direction.pair
    delta = data.latents.number(data.pair_column("delta_norm", first, second))
    mine = delta[direction.members(data)]
    return mine if direction.own == first else 1 - mine


def _handles() -> list[Line2D]:
    lines = [
        Line2D([], [], color=MUTED, ls=ls, linewidth=1.3, label=f"lowest {name}")
        for name, ls in STYLES.items()
    ]
    same = Line2D([], [], color=MUTED, linewidth=0.8, ls=(0, (1, 2)), label="the same order")
    return [*lines, same, Line2D([], [], color=RULE, linewidth=0.8, label="unrelated orders")]


def lacks(data: ReportData) -> str | None:
    """Why there are no orders to compare."""
    if directions_with(data, FEWEST):
        return None
    return f"Fewer than {FEWEST} latents of each source only have a ν: there is no order in that."


FIGURE = Figure(
    name="nu_ranks",
    title="Would a stricter cut on norms find the same latents? Ranks by ν and by norms",
    shows=(
        "The hundred latents of one source only with the lowest ν, by their place in the order of "
        "the decoder norms (the most one-sided first): the line is the share of them within so "
        "many places. Along the dotted line both orders agree, along the straight one they are "
        "unrelated."
    ),
    misleads=(
        "With fewer than a few hundred exclusive latents the hundred lowest are most of them, and "
        "any order looks right."
    ),
    needs=("latents.nu_error*", "latents.nu_reconstruction*", "latents.delta_norm*"),
    absent="Sources of unequal width have no common direction to try on both.",
    draw=draw,
    lacks=lacks,
    height=3.0,
)
