"""Figure: latent scaling, ν of error over ν of reconstruction (figure 1 of Minder et al.)."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D

from xc.evaluate.decoder_pairs import OTHER, SHARED
from xc.evaluate.report.axes import few_ticks, legend, no_ticks
from xc.evaluate.report.classes import class_label, living_classes
from xc.evaluate.report.columns import Floats, Mask
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.figure import Figure
from xc.evaluate.report.sources import NamedSource
from xc.evaluate.report.style import MUTED, RULE, class_colour
from xc.evaluate.report.words import figure_text

LOW, HIGH = -0.2, 1.4
"""Window on both axes: the same for every run, so that two reports can be laid side by side."""

MOST_VECTORS = 800
"""More points than this are drawn as one image within the SVG."""


@dataclass(frozen=True)
class Direction:
    """One panel: the direction of `own` tried on `other`'s activations."""

    own: NamedSource
    other: NamedSource
    x: str
    y: str

    @property
    def pair(self) -> tuple[NamedSource, NamedSource]:
        """Both sources, the first-named first."""
        first, second = sorted((self.own, self.other), key=lambda source: source.letter)
        return first, second

    def told(self, data: ReportData, words: str, *, room: int) -> str:
        """Title of its panel: words about the own source and its name; of more than two sources the
        other one, as the own one then has several panels."""
        if len(data.sources) > 2:
            return f"{words}, tried on {self.other.title}"
        return f"{words} · {figure_text(self.own.name, room)}"

    def members(self, data: ReportData) -> Mask:
        """Latents of the own source only that have both ν, bool [d_sae]."""
        x, y = data.latents.number(self.x), data.latents.number(self.y)
        own = data.latents.of_class(f"{self.own.letter}_only")
        return np.asarray(own & np.isfinite(x) & np.isfinite(y))


def known_directions(data: ReportData) -> list[Direction]:
    """Directions with any ν: per pair the second source's, then the first's."""
    return [d for pair in data.pairs for d in _directions(data, *pair) if _known(data, d)]


def directions_with(data: ReportData, least: int) -> list[Direction]:
    """Those of them along which the own source has so many latents of its own."""
    return [d for d in known_directions(data) if np.count_nonzero(d.members(data)) >= least]


def own_latents(data: ReportData, direction: Direction) -> tuple[Floats, Floats]:
    """ν of reconstruction and of error of the own source's latents."""
    members = direction.members(data)
    return data.latents.number(direction.x)[members], data.latents.number(direction.y)[members]


def draw(canvas: Canvas, data: ReportData) -> None:
    """Two panels per pair: the second source's directions, then the first's."""
    directions = known_directions(data)
    rows = -(-len(directions) // 2)
    canvas.set_figheight(FIGURE.height * rows)
    grid = canvas.add_gridspec(rows, 2, wspace=0.06)
    for place, direction in enumerate(directions):
        _panel(canvas, grid[place // 2, place % 2], data, direction)
    legend(canvas, _handles(data))


def _directions(data: ReportData, a: NamedSource, b: NamedSource) -> list[Direction]:
    stems = ("nu_reconstruction", "nu_error")
    plain = [data.pair_column(stem, a, b) for stem in stems]
    mirror = [data.pair_column(f"{stem}_mirror", a, b) for stem in stems]
    return [Direction(b, a, *plain), Direction(a, b, *mirror)]


def _known(data: ReportData, direction: Direction) -> bool:
    return data.latents.has(direction.x) and data.latents.has(direction.y)


def _panel(canvas: Canvas, place: SubplotSpec, data: ReportData, direction: Direction) -> None:
    grid = place.subgridspec(2, 2, width_ratios=(5, 1), height_ratios=(1, 5), hspace=0, wspace=0)
    main = canvas.add_subplot(grid[1, 0])
    top = canvas.add_subplot(grid[0, 0], sharex=main)
    side = canvas.add_subplot(grid[1, 1], sharey=main)
    outside = 0
    for name in _drawn(direction):
        x, y = _points(data, direction, name)
        inside = _inside(x) & _inside(y)
        outside += int(np.sum(~inside))
        _scatter(main, x[inside], y[inside], name)
        _marginal(top, x[inside], name, upright=True)
        _marginal(side, y[inside], name, upright=False)
    _dress(main, top, side)
    _label(main, direction)
    note = f"; {outside:,} outside the window" if outside else ""
    words = f"directions of {direction.own.title}"
    top.set_title(direction.told(data, words, room=20) + note, loc="left")


def _drawn(direction: Direction) -> tuple[str, ...]:
    """Back to front. Latents of the other source alone have no direction here worth a point."""
    return (SHARED, OTHER, f"{direction.own.letter}_only")


def _points(data: ReportData, direction: Direction, name: str) -> tuple[Floats, Floats]:
    x, y = data.latents.number(direction.x), data.latents.number(direction.y)
    keep = data.latents.of_class(name) & np.isfinite(x) & np.isfinite(y)
    return x[keep], y[keep]


def _inside(values: Floats) -> Mask:
    inside: Mask = (values >= LOW) & (values <= HIGH)
    return inside


def _scatter(axes: Axes, x: Floats, y: Floats, name: str) -> None:
    bold = name.endswith("_only")
    axes.scatter(
        x,
        y,
        s=9 if bold else 5,
        color=class_colour(name),
        alpha=0.85 if bold else 0.35,
        linewidths=0,
        rasterized=len(x) > MOST_VECTORS,
    )


def _marginal(axes: Axes, values: Floats, name: str, *, upright: bool) -> None:
    if not len(values):
        return
    counts, edges = np.histogram(values, bins=np.linspace(LOW, HIGH, 65))
    axes.stairs(
        counts / counts.max(),
        edges,
        orientation="vertical" if upright else "horizontal",
        color=class_colour(name),
        fill=True,
        alpha=0.45,
    )


def _dress(main: Axes, top: Axes, side: Axes) -> None:
    main.set_xlim(LOW, HIGH)
    main.set_ylim(LOW, HIGH)
    for axis in (main.xaxis, main.yaxis):
        few_ticks(axis, 5)
    for line in (main.axhline, main.axvline):
        line(0, color=MUTED, linewidth=0.6, zorder=0)
        line(1, color=RULE, linewidth=0.6, zorder=0)
    top.set_ylim(0, 1.05)
    side.set_xlim(0, 1.05)
    for axes in (top, side):
        axes.spines[:].set_visible(False)
    top.tick_params(labelbottom=False, bottom=False)
    side.tick_params(labelleft=False, left=False)
    no_ticks(top.yaxis)
    no_ticks(side.xaxis)


def _label(main: Axes, direction: Direction) -> None:
    sources = f"({direction.other.title} / {direction.own.title})"
    main.set_xlabel(f"reconstruction ratio νʳ  {sources}")
    main.set_ylabel(f"error ratio νᵋ  {sources}")


def _handles(data: ReportData) -> list[Line2D]:
    return [
        Line2D([], [], ls="", marker="o", ms=5, color=class_colour(n), label=class_label(data, n))
        for n in living_classes(data.sources)
    ]


FIGURE = Figure(
    name="latent_scaling",
    title="Is what looks like one model's own really absent from the other? Latent scaling",
    shows=(
        "For each latent, how much of its decoder direction the other source's error (up) and "
        "reconstruction (right) hold, relative to its own source: near 0 on both axes the latent "
        "is truly its source's own, near 1 the other source has it too; the strips at the edges "
        "are the distributions by class, each to its own height."
    ),
    misleads=(
        "A high νᵋ means shrinkage and a high νʳ means that other latents rebuild the direction, "
        "so neither alone decides; the ratios are unstable where the denominator is near zero, "
        "as it is for most points outside the window."
    ),
    needs=("latents.nu_error*", "latents.nu_reconstruction*"),
    absent="Sources of unequal width have no common direction to try on both.",
    draw=draw,
    height=4.6,
)
