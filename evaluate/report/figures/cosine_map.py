"""Medians of cosines as a map, source by source: where a panel for each pair would be too many."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure as Canvas

from xc.evaluate.report.columns import Floats
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.numbers import NONE, number, two
from xc.evaluate.report.style import SHARED

FEWEST = 5
"""Sources from which on pairs are shown so."""
HEIGHT = 4.1
"""Inches: two maps beside each other are about square."""
KINDS = {"cosine_shared_median": "decoders", "cosine_encoder_shared_median": "encoders"}
"""Keys of summary.json, and what they are of."""

_PALE, _TEXT = "#eef5f1", "#10161d"
"""Colour of 0 and less, and of the numbers; neither is one that the page turns dark."""
_SHADES = LinearSegmentedColormap.from_list("shared", [_PALE, SHARED])
_RANGE = Normalize(0, 1, clip=True)


def medians(data: ReportData, stem: str) -> Floats:
    """Of the latents that each pair shares [source, source]; NaN where not known, or no pair."""
    n = len(data.sources)
    found = np.full((n, n), np.nan)
    places = {source.letter: i for i, source in enumerate(data.sources)}
    for first, second in data.pairs:
        value = data.summary.get(data.pair_column(stem, first, second))
        if isinstance(value, int | float):
            i, j = places[first.letter], places[second.letter]
            found[i, j] = found[j, i] = value
    return found


def known(data: ReportData) -> dict[str, Floats]:
    """Maps that hold any number, by what they are of."""
    found = {of: medians(data, stem) for stem, of in KINDS.items()}
    return {of: values for of, values in found.items() if np.isfinite(values).any()}


def draw(canvas: Canvas, data: ReportData) -> None:
    """A map of decoders and one of encoders, each with its numbers."""
    maps = known(data)
    grid = canvas.subplots(1, len(KINDS), squeeze=False).ravel()
    canvas.set_figheight(HEIGHT)
    for spare in grid[len(maps) :]:
        spare.remove()
    for axes, (of, values) in zip(grid, maps.items(), strict=False):
        _map(axes, values, of, [source.title for source in data.sources])


def _map(axes: Axes, values: Floats, of: str, letters: list[str]) -> None:
    shown = np.ma.masked_invalid(values)
    axes.pcolormesh(shown, cmap=_SHADES, norm=_RANGE, edgecolors="none")
    for i, j, text in _numbers(values):
        axes.text(j + 0.5, i + 0.5, text, ha="center", va="center", color=_TEXT, fontsize=8)
    axes.set_title(f"{of}, median of shared latents", loc="left")
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    places = np.arange(len(letters)) + 0.5
    axes.set_xticks(places, letters, minor=False)
    axes.set_yticks(places, letters, minor=False)
    axes.tick_params(length=0)


def _numbers(values: Floats) -> Iterator[tuple[int, int, str]]:
    for i, j in np.ndindex(values.shape):
        text = number(values[i, j].item(), two)
        if text != NONE:
            yield i, j, text
