"""Figure: decoder norms of latents over more than two sources, by where they peak."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from xc.evaluate.profile import PRESENT
from xc.evaluate.report.axes import legend
from xc.evaluate.report.columns import Floats
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.figure import Figure
from xc.evaluate.report.sources import NamedSource
from xc.evaluate.report.style import MUTED, source_colour
from xc.evaluate.report.words import figure_text

_BY = (
    ("peak_source", "by the source of the largest norm", "largest"),
    ("birth_source_50", "by the first source with half of it", "born"),
)
"""Columns that latents are told apart by, a panel each, and a word for the legend."""


def draw(canvas: Canvas, data: ReportData) -> None:
    """Two panels: mean profiles of latents by peak, and by birth."""
    profiles = relative_norms(data)
    groups = [data.latents.number(column) for column, _, _ in _BY]
    for axes, group, (_, title, _) in zip(
        canvas.subplots(1, len(_BY), sharey=True), groups, _BY, strict=True
    ):
        for m, source in enumerate(data.sources):
            _profile(axes, members(profiles, group, m), source_colour(source.letter))
        _frame(axes, data, title)
    legend(canvas, list(_handles(data, profiles, groups)))


def members(profiles: Floats, group: Floats, m: int) -> Floats:
    """Profiles of the latents of one source's group."""
    found: Floats = profiles[(group == m) & np.isfinite(profiles).all(axis=1)]
    return found


def relative_norms(data: ReportData) -> Floats:
    """Norms per dimension over the latent's largest, [latent, source]; NaN where there is none, and
    of latents that do not fire."""
    norms = np.stack([_per_dimension(data, source) for source in data.sources], axis=1)
    largest = norms.max(axis=1, keepdims=True)
    out: Floats = np.divide(norms, largest, out=np.full_like(norms, np.nan), where=largest > 0)
    out[data.latents.classes == "dead"] = np.nan
    return out


def _per_dimension(data: ReportData, source: NamedSource) -> Floats:
    norms: Floats = data.latents.number(f"norm_{source.letter}") / np.sqrt(source.d_model or 1)
    return norms


def _profile(axes: Axes, own: Floats, colour: str) -> None:
    """Mean, and the middle half of the latents as a band."""
    if len(own):
        places = np.arange(own.shape[1])
        low, high = np.quantile(own, [0.25, 0.75], axis=0)
        axes.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(places, own.mean(axis=0), color=colour, marker="o", markersize=3.5)


def _frame(axes: Axes, data: ReportData, title: str) -> None:
    axes.axhline(PRESENT, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)), zorder=0)
    axes.set_title(title, loc="left")
    axes.set_xticks(range(len(data.sources)), [source.title for source in data.sources])
    axes.set_xlim(-0.2, len(data.sources) - 0.8)
    axes.set_ylim(0, 1.04)
    axes.set_xlabel("source")
    axes.set_ylabel("norm over the latent's largest")


def _handles(data: ReportData, profiles: Floats, groups: list[Floats]) -> Iterator[Line2D]:
    for m, source in enumerate(data.sources):
        counts = (len(members(profiles, group, m)) for group in groups)
        told = ", ".join(f"{n:,} {word}" for n, (_, _, word) in zip(counts, _BY, strict=True))
        label = f"{source.title} · {figure_text(source.name, 24)} ({told})"
        colour = source_colour(source.letter)
        yield Line2D([], [], color=colour, marker="o", markersize=3.5, label=label)


FIGURE = Figure(
    name="norm_profiles",
    title="Where do latents begin, and how far do they run? Norms over the sources",
    shows=(
        "Decoder norms per dimension over the latent's largest, in the order of the sources: means "
        "over the latents that fire and are largest (left) or born (right: first at half of their "
        "largest) in a source, with the middle half of them as a band; the dotted line is where a "
        "latent counts as present."
    ),
    misleads=(
        "The order of the sources is that of the command line: where they are no layers and no "
        "snapshots of a training, the lines between points and births mean nothing. A mean hides "
        "that some latents are in all sources and others in one, and a norm can be small by "
        "shrinkage."
    ),
    needs=("latents.norm_a", "latents.peak_source", "latents.birth_source_50"),
    absent="They were left out of the evaluation.",
    draw=draw,
    height=3.6,
    fewest=3,
)
