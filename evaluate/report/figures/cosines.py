"""Figure: cosine between a latent's two decoders (figure 2 of Kissane et al.), and its encoders."""

from collections.abc import Iterator
from dataclasses import dataclass

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
from xc.evaluate.report.figures import cosine_map
from xc.evaluate.report.sources import NamedSource
from xc.evaluate.report.style import INK, MUTED, RULE, class_colour

EDGES = np.linspace(-1, 1, 101)

_KINDS = {"cosine": "decoders", "cosine_encoder": "encoders"}
"""Columns, and what they are of."""
_MEDIAN, _MEAN = (0, (4, 2)), (0, (1, 1.5))
"""Dashes of the median of shared latents and of the mean of random pairs."""


@dataclass(frozen=True)
class _Shown:
    """One panel."""

    stem: str
    first: NamedSource
    second: NamedSource

    def column(self, data: ReportData) -> str:
        return data.pair_column(self.stem, self.first, self.second)

    def title(self, data: ReportData) -> str:
        """`decoders`, with the pair where there are several."""
        several = len(data.sources) > 2
        pair = f" of {self.first.title} and {self.second.title}" if several else ""
        return _KINDS[self.stem] + pair

    def mean(self, data: ReportData) -> float | None:
        """Of all random pairs."""
        key = data.pair_column(f"{self.stem}_random_mean", self.first, self.second)
        found = data.summary.get(key)
        return float(found) if isinstance(found, int | float) else None

    def band(self, data: ReportData) -> tuple[float, float] | None:
        """Of drawn ones."""
        ends = data.bands.get(f"{self.stem}_{self.first.letter}_{self.second.letter}")
        return ends if ends is not None and np.isfinite(ends).all() else None


def draw(canvas: Canvas, data: ReportData) -> None:
    """A panel per pair that has cosines, decoders before encoders: shared latents filled, the other
    classes as outlines. Of many sources a map of the pairs."""
    if len(data.sources) >= cosine_map.FEWEST:
        cosine_map.draw(canvas, data)
        return
    shown = list(_shown(data))
    for axes, panel in zip(panels(canvas, len(shown)), shown, strict=True):
        _panel(axes, data, panel)
    legend(canvas, list(_handles(data, shown)))


def _shown(data: ReportData) -> Iterator[_Shown]:
    for stem in _KINDS:
        for pair in data.pairs:
            if data.latents.has((panel := _Shown(stem, *pair)).column(data)):
                yield panel


def _panel(axes: Axes, data: ReportData, panel: _Shown) -> None:
    highest = 0.0
    for name in living_classes(data.sources):
        counts, _ = np.histogram(_cosines(data, panel, name), bins=EDGES)
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
    _median(axes, _cosines(data, panel, "shared"))
    _random(axes, panel.mean(data), panel.band(data))
    log_counts(axes, highest)
    axes.set_title(panel.title(data), loc="left")
    axes.set_xlim(-1, 1)
    axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1", "−½", "0", "½", "1"])
    axes.set_xlabel(f"cosine of the directions in {panel.first.title} and {panel.second.title}")
    axes.set_ylabel("latents")


def _cosines(data: ReportData, panel: _Shown, name: str) -> Floats:
    column = data.latents.number(panel.column(data))
    values: Floats = column[data.latents.of_class(name) & np.isfinite(column)]
    return np.clip(values, -1, 1)


def _median(axes: Axes, values: Floats) -> None:
    if len(values):
        axes.axvline(float(np.median(values)), color=INK, linewidth=1.0, linestyle=_MEDIAN)


def _random(axes: Axes, mean: float | None, band: tuple[float, float] | None) -> None:
    """What latents reach that have nothing to do with each other."""
    if band is not None:
        axes.axvspan(*band, color=RULE, alpha=0.7, linewidth=0, zorder=0)
    if mean is not None:
        axes.axvline(mean, color=MUTED, linewidth=1.2, linestyle=_MEAN)


def _handles(data: ReportData, shown: list[_Shown]) -> Iterator[Patch | Line2D]:
    for name in living_classes(data.sources):
        label = class_label(data, name, max(len(_cosines(data, p, name)) for p in shown))
        if name == "shared":
            yield Patch(color=class_colour(name), alpha=0.8, label=label)
        else:
            yield Line2D([], [], color=class_colour(name), linewidth=1.0, label=label)
    yield Line2D([], [], color=INK, linewidth=1.0, linestyle=_MEDIAN, label="median of shared")
    if any(panel.mean(data) is not None for panel in shown):
        label = "mean of random pairs"
        yield Line2D([], [], color=MUTED, linewidth=1.2, linestyle=_MEAN, label=label)
    if any(panel.band(data) is not None for panel in shown):
        yield Patch(color=RULE, alpha=0.7, label="95 % of random pairs")


def lacks(data: ReportData) -> str | None:
    """Why there is no map of many sources."""
    if len(data.sources) < cosine_map.FEWEST or cosine_map.known(data):
        return None
    return (
        "The medians of shared latents were not measured, and pairs are too many for a panel each."
    )


FIGURE = Figure(
    name="cosines",
    title="Do shared latents point the same way? Decoder and encoder cosines",
    shows=(
        "The cosine between the two decoder directions of each latent that fires, and between its "
        "two encoder directions: shared latents filled, latents of one source and the rest as "
        "outlines; the count axis is logarithmic. Where nothing is related, one latent's direction "
        "in one source against another's in the other, cosines have the dotted mean, and 95 % of "
        "2,000 drawn pairs lie on the grey ground. Of five sources or more only the medians are "
        "drawn, of the latents that each pair shares, as a map of the pairs."
    ),
    misleads=(
        "It compares coordinates, not functions: two models whose residual streams are rotated "
        "against each other can share a latent at cosine 0, and where one decoder is almost zero "
        "its direction, and so the cosine, is noise. An encoder also tells its latent from others, "
        "and so agrees less."
    ),
    needs=("latents.cosine*",),
    absent="Sources of unequal width have no cosine.",
    draw=draw,
    lacks=lacks,
    height=3.4,
)
