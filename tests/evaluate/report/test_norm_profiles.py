"""The figure of norms over sources: means by peak and by birth, counted by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from xc.evaluate.report.data import read_data
from xc.evaluate.report.figures.norm_profiles import FIGURE
from xc.evaluate.report.save import draw_figure
from xc.evaluate.report.style import source_colour, styled

WIDTHS = (16, 64, 16)
THREE = {"names": ("x@1", "y@1", "z@1"), "widths": WIDTHS, "scales": (1, 1, 1), "d_sae": 900}


def means(axes: Axes) -> dict[str, np.ndarray]:
    """Drawn means by the letter of the source."""
    letters = {to_rgb(source_colour(letter)): letter for letter in "abc"}
    return {
        letters[to_rgb(line.get_color())]: np.asarray(line.get_ydata())
        for line in axes.lines
        if to_rgb(line.get_color()) in letters
    }


def test_means_and_counts_are_those_of_the_table(make_run: Callable[..., Any]) -> None:
    made = make_run(**THREE)
    data = read_data(made, run=made.run)
    with styled("norm_profiles"):
        canvas = draw_figure(FIGURE, data)
    frame = made.latents.to_arrow().to_pandas()
    alive = frame[data.latents.classes != "dead"]
    norms = alive[["norm_a", "norm_b", "norm_c"]].to_numpy() / np.sqrt(WIDTHS)
    profiles = norms / norms.max(axis=1, keepdims=True)
    (legend,) = canvas.legends
    texts = [text.get_text() for text in legend.get_texts()]
    counts = {}
    for axes, column in zip(canvas.axes, ("peak_source", "birth_source_50"), strict=True):
        found = means(axes)
        for m, letter in enumerate("abc"):
            own = profiles[(alive[column] == m).to_numpy()]
            counts[letter, column] = len(own)
            assert (letter in found) == bool(len(own))
            if len(own):
                assert found[letter] == pytest.approx(own.mean(axis=0))
    assert sum(counts[letter, "peak_source"] for letter in "abc") == len(alive)
    for letter, text in zip("abc", texts, strict=True):
        largest, born = (counts[letter, c] for c in ("peak_source", "birth_source_50"))
        assert text.endswith(f"({largest:,} largest, {born:,} born)")
