"""Figure: relative decoder norm of every latent, three modes (figs 3 to 6 of Becker et al.)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from xc.evaluate.metrics.rel_norm_modes import CUT
from xc.evaluate.report.axes import legend, log_counts, panels
from xc.evaluate.report.class_counts import count_classes
from xc.evaluate.report.classes import class_label, living_classes
from xc.evaluate.report.columns import Floats, Mask
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.figure import Figure
from xc.evaluate.report.numbers import percent
from xc.evaluate.report.sources import NamedSource
from xc.evaluate.report.style import INK, MUTED, RULE, class_colour
from xc.evaluate.report.words import figure_text

EDGES = np.linspace(0, 1, 91)
"""Bins of 1/90: the borders of the classes (1/6, 4/9, 5/9, 5/6 in relative norm) are bin edges."""

FOLDED = "folded to raw activations"


def draw(canvas: Canvas, data: ReportData) -> None:
    """One panel per pair of sources; bars by class, folded norms as a line."""
    pairs = list(data.pairs)
    grid = panels(canvas, len(pairs))
    folded = [_panel(axes, data, *pair) for axes, pair in zip(grid, pairs, strict=True)]
    legend(canvas, _handles(data, folded=any(folded)))


def _panel(axes: Axes, data: ReportData, first: NamedSource, second: NamedSource) -> bool:
    rel_norm = data.rel_norm(first, second)
    highest = max(_bars(axes, rel_norm, data, name) for name in living_classes(data.sources))
    alive = ~data.latents.of_class("dead")
    folded = _folded_line(axes, data.folded_rel_norm(first, second), rel_norm, alive)
    log_counts(axes, 3 * max(highest, folded))
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "¼", "½", "¾", "1"])
    named = "relative decoder norm  " if len(data.sources) == 2 else ""
    axes.set_xlabel(named + _formula(first, second), parse_math=True)
    axes.set_ylabel("latents")
    _ends(axes, first, second, room=28 if len(data.sources) == 2 else 0)
    _modes(axes, rel_norm[alive & np.isfinite(rel_norm)])
    return folded > 0


def _modes(axes: Axes, rel_norm: Floats) -> None:
    """Share of the latents in each of the three modes, written above them."""
    if not len(rel_norm):
        return
    low, high = (rel_norm < CUT).mean(), (rel_norm > 1 - CUT).mean()
    for place, share in ((CUT / 2, low), (0.5, 1 - low - high), (1 - CUT / 2, high)):
        text = percent(float(share))
        axes.text(place, 0.97, text, transform=axes.transAxes, ha="center", va="top", color=MUTED)
    for cut in (CUT, 1 - CUT):
        axes.axvline(cut, color=RULE, linewidth=0.8, linestyle=(0, (2, 3)), zorder=0)


def _formula(first: NamedSource, second: NamedSource) -> str:
    a, b = (rf"\Vert d_{{{s.title}}}\Vert" for s in (first, second))
    return rf"${b}\;/\;({a}+{b})$"


def _bars(axes: Axes, rel_norm: Floats, data: ReportData, name: str) -> float:
    values = rel_norm[data.latents.of_class(name)]
    counts, _ = np.histogram(values[np.isfinite(values)], bins=EDGES)
    axes.stairs(counts, EDGES, baseline=0.1, fill=True, color=class_colour(name), alpha=0.85)
    return float(counts.max())


def _folded_line(axes: Axes, folded: Floats | None, unfolded: Floats, alive: Mask) -> float:
    if folded is None or np.allclose(folded, unfolded, atol=0.002, equal_nan=True):
        return 0.0
    values = folded[alive & np.isfinite(folded)]
    counts, _ = np.histogram(values, bins=EDGES)
    axes.stairs(np.maximum(counts, 0.1), EDGES, color=INK, linewidth=0.8, alpha=0.7)
    return float(counts.max())


def _ends(axes: Axes, first: NamedSource, second: NamedSource, *, room: int) -> None:
    axes.set_title(f"◂ only {_name(first, room)}", loc="left")
    axes.set_title("equal norms", loc="center", color=MUTED)
    axes.set_title(f"only {_name(second, room)} ▸", loc="right")


def _name(source: NamedSource, room: int) -> str:
    return f"{source.title} · {figure_text(source.name, room)}" if room else source.title


def _handles(data: ReportData, *, folded: bool) -> list[Patch | Line2D]:
    handles: list[Patch | Line2D] = [
        Patch(color=c.colour, alpha=0.85, label=class_label(data, c.name, c.count))
        for c in count_classes(data)
        if c.name != "dead"
    ]
    if folded:
        handles.append(Line2D([], [], color=INK, linewidth=0.8, alpha=0.7, label=FOLDED))
    return handles


FIGURE = Figure(
    name="decoder_norms",
    title="Whose latents are they? Relative decoder norms",
    shows=(
        "How many latents write mostly into the first source (left), equally into both (middle) "
        "or mostly into the second (right), by the decoders as normalised in training; dead "
        "latents are left out and the count axis is logarithmic. Numbers above are shares of the "
        "latents in the three modes, told apart where one norm is three times the other."
    ),
    misleads=(
        "A small norm does not prove absence: with an L1 penalty a decoder can be shrunk to zero "
        "although the direction is still in that model (compare ν below), and rescaling one "
        "source moves every latent sideways, as the line for folded decoders, where drawn, shows."
    ),
    needs=("latents.norm_a", "latents.norm_b"),
    absent="The evaluation measured no decoder norms.",
    draw=draw,
    height=3.7,
)
