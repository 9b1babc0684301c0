"""What figures draw, read back from the canvas: counts made by hand from the tables."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from xc.evaluate import Evaluation
from xc.evaluate.report import FIGURES
from xc.evaluate.report.data import read_data
from xc.evaluate.report.save import draw_figure
from xc.evaluate.report.style import RULE, class_colour, styled

LIVING = ("shared", "a_only", "b_only", "other")
NU = {"a_only": "_mirror", "b_only": ""}
"""Ends of the columns of ν along the direction of a class."""
MEASURED = ("made", "measured")


@pytest.fixture(scope="module", params=MEASURED)
def done(
    request: pytest.FixtureRequest, make_run: Callable[..., Any], evaluation: Evaluation
) -> Any:
    """4,000 latents made by hand, and those of a planted run as they were measured."""
    return make_run(d_sae=4000) if request.param == "made" else evaluation


@pytest.fixture(scope="module")
def frame(done: Any) -> pd.DataFrame:
    return pd.read_parquet(done.run.latents_parquet)


def drawn(name: str, done: Any) -> Canvas:
    (figure,) = (figure for figure in FIGURES if figure.name == name)
    with styled(name):
        return draw_figure(figure, read_data(done, run=done.run))


def stairs(axes: Axes, colour: str, *, fill: bool) -> tuple[np.ndarray, np.ndarray]:
    """Heights and edges of the one histogram of a colour."""
    (found,) = (
        patch
        for patch in axes.patches
        if isinstance(patch, StepPatch)
        and patch.get_fill() == fill
        and to_rgb(patch.get_facecolor() if fill else patch.get_edgecolor()) == to_rgb(colour)
    )
    heights, edges, _ = found.get_data()
    return np.asarray(heights), np.asarray(edges)


def counted(values: pd.Series, edges: np.ndarray) -> list[int]:
    """How many lie in each bin; the last has both its edges."""
    last = len(edges) - 2
    return [
        int(((values >= low) & ((values <= high) if i == last else (values < high))).sum())
        for i, (low, high) in enumerate(pairwise(edges))
    ]


def test_density_counts_latents_by_how_often_they_fire(done: Any, frame: pd.DataFrame) -> None:
    axes = drawn("density", done).axes[0]
    fires = frame[frame["frequency"] > 0]
    heights, edges = stairs(axes, RULE, fill=True)
    np.testing.assert_allclose(np.diff(edges), 0.1)
    assert edges[-1] == 0
    assert heights.tolist() == counted(np.log10(fires["frequency"]), edges)
    assert heights.sum() == len(fires)
    for kind in set(LIVING) & set(fires["class"]):
        heights, same = stairs(axes, class_colour(kind), fill=False)
        assert same.tolist() == edges.tolist()
        mine = fires.loc[fires["class"] == kind, "frequency"]
        assert heights.tolist() == counted(np.log10(mine), edges)
        assert heights.sum() == len(mine) > 0


def test_decoder_norms_counts_latents_by_relative_norm(done: Any, frame: pd.DataFrame) -> None:
    axes = drawn("decoder_norms", done).axes[0]
    rel_norm = frame["norm_b"] / (frame["norm_a"] + frame["norm_b"])
    for kind in set(LIVING) & set(frame["class"]):
        heights, edges = stairs(axes, class_colour(kind), fill=True)
        np.testing.assert_allclose(edges, np.arange(91) / 90)
        mine = rel_norm[frame["class"] == kind]
        assert heights.tolist() == counted(mine, edges)
        assert heights.sum() == len(mine) > 0


def test_decoder_norms_says_how_many_are_in_each_mode(done: Any, frame: pd.DataFrame) -> None:
    """A third of one norm in the other's place: the cuts of `rel_norm_mode_…`."""
    axes = drawn("decoder_norms", done).axes[0]
    alive = frame[frame["class"] != "dead"]
    a, b = alive["norm_a"], alive["norm_b"]
    shares = [(a > 3 * b).mean(), ((a <= 3 * b) & (b <= 3 * a)).mean(), (b > 3 * a).mean()]
    texts = sorted(axes.texts, key=lambda text: text.get_position()[0])
    told = [float(text.get_text().replace("%", "")) / 100 for text in texts]
    assert told == pytest.approx(shares, abs=0.0051)
    if "rel_norm_mode_a" in done.summary:
        names = [f"rel_norm_mode_{end}" for end in ("a", "middle", "b")]
        assert [done.summary[name] for name in names] == pytest.approx(shares, abs=1e-12)


def panels(canvas: Canvas) -> Iterator[tuple[str, Axes]]:
    """Panels by the class that they are of, as their titles say."""
    for axes in canvas.axes:
        yield axes.get_title(loc="left")[0].lower() + "_only", axes


def curves(canvas: Canvas, axes: Axes, kind: str) -> dict[str, Line2D]:
    """Lines of a class' colour by what the legend says of their dashes."""
    (legend,) = canvas.legends
    names = {}
    for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True):
        assert isinstance(handle, Line2D)
        names.setdefault(str(handle._unscaled_dash_pattern), text.get_text())
    mine = [line for line in axes.lines if to_rgb(line.get_color()) == to_rgb(class_colour(kind))]
    found = {names[str(line._unscaled_dash_pattern)]: line for line in mine}
    assert len(found) == len(mine)
    return found


BELOW = {"νᵋ below": "error", "νʳ below": "reconstruction", "νᵋ and νʳ below": "both"}


def test_nu_curves_counts_exclusive_latents_below_each_threshold(
    done: Any, frame: pd.DataFrame
) -> None:
    canvas, seen = drawn("nu_curves", done), []
    for kind, axes in panels(canvas):
        mine = frame[frame["class"] == kind]
        nu = mine[[f"nu_error{NU[kind]}", f"nu_reconstruction{NU[kind]}"]].dropna().to_numpy()
        below = [(nu < i / 100) for i in range(101)]
        expected = {
            "error": [int(b[:, 0].sum()) for b in below],
            "reconstruction": [int(b[:, 1].sum()) for b in below],
            "both": [int(b.all(axis=1).sum()) for b in below],
        }
        found = curves(canvas, axes, kind)
        assert set(found) == set(BELOW)
        for label, line in found.items():
            np.testing.assert_allclose(line.get_xdata(), np.arange(101) / 100)
            assert np.asarray(line.get_ydata()).tolist() == expected[BELOW[label]]
        assert axes.get_ylim()[1] >= len(nu) > 0
        seen.append(kind)
    assert sorted(seen) == ["a_only", "b_only"]


def test_nu_curves_are_those_of_the_table(evaluation: Evaluation) -> None:
    canvas = drawn("nu_curves", evaluation)
    table = pd.read_parquet(evaluation.run.nu_curves)
    for kind, axes in panels(canvas):
        rows = table[table["class"] == kind]
        assert len(rows) == 101
        for label, line in curves(canvas, axes, kind).items():
            assert np.asarray(line.get_xdata()).tolist() == rows["threshold"].tolist()
            assert np.asarray(line.get_ydata()).tolist() == rows[f"n_{BELOW[label]}"].tolist()


def test_nu_ranks_finds_the_lowest_in_the_order_of_the_norms(
    done: Any, frame: pd.DataFrame
) -> None:
    """The hundred with the lowest ν: how many are among the so many most one-sided ones."""
    canvas = drawn("nu_ranks", done)
    for kind, axes in panels(canvas):
        ends = [f"nu_error{NU[kind]}", f"nu_reconstruction{NU[kind]}"]
        mine = frame[frame["class"] == kind].dropna(subset=ends)
        apart = mine["delta_norm"] if kind == "a_only" else 1 - mine["delta_norm"]
        n, k = len(mine), min(100, len(mine))
        lines = curves(canvas, axes, kind)
        assert set(lines) == {"lowest νᵋ", "lowest νʳ"}
        for label, column in zip(("lowest νᵋ", "lowest νʳ"), ends, strict=True):
            lowest = apart[mine[column].nsmallest(k).index]
            places = np.sort(
                [(apart < value).sum() + (apart <= value).sum() + 1 for value in lowest]
            )
            x, y = (np.asarray(data) for data in lines[label].get_data())
            np.testing.assert_allclose(x, [0, *places / 2, n])
            np.testing.assert_allclose(y, [0, *np.arange(1, k + 1) / k, 1])
        alike = [np.asarray(line.get_data()).tolist() for line in axes.lines[:2]]
        assert alike == [[[0, n], [0, 1]], [[0, k, n], [0, 1, 1]]]
        assert n > 100 or len(frame) < 4000
