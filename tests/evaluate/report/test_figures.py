import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from drawn import assert_formats
from matplotlib.figure import Figure as Canvas

from xc.evaluate.report import FIGURES, Figure
from xc.evaluate.report.absent import not_drawn
from xc.evaluate.report.data import ReportData, read_data
from xc.evaluate.report.figure import missing
from xc.evaluate.report.numbers import number, two
from xc.evaluate.report.save import draw_figure, save_figure
from xc.evaluate.report.style import styled

SCALING = ("latent_scaling", "nu_curves", "nu_ranks")
ROLES = ("role_user", "role_assistant", "role_template")
PARTS = (*ROLES, "corpus_a-very-long-name-of-a-part-of-a-mixture.parquet", "corpus_web")
NAMES = [figure.name for figure in FIGURES]
OF_TWO = {figure.name for figure in FIGURES if figure.fewest < 3}
LONG = ("a-very-long-local-folder-name-of-a-model-of-mine@12", "zoo-$dist^illed$_模型\u202e@1")
SHAPES: dict[str, dict[str, Any]] = {
    "two": {},
    "one class": {"only": "b_only", "d_sae": 20},
    "one latent": {"only": "shared", "d_sae": 1},
    "long names": {"names": LONG},
    "many": {"d_sae": 5000},
    "parts": {"parts": PARTS, "names": LONG},
    "three": {"names": ("x@1", "y@1", "z@1"), "widths": (8, 8, 8), "scales": (1.0, 2.0, 3.0)},
}
OF_PAIRS = ("decoder_norms", "cosines", *SCALING)


def of_many(n: int, **wish: Any) -> dict[str, Any]:
    """A run of so many sources."""
    names = tuple(f"model@{i}" for i in range(n))
    return {"names": names, "widths": (8,) * n, "scales": (1.0,) * n, **wish}


@pytest.fixture(scope="module", params=SHAPES)
def data(request: pytest.FixtureRequest, make_run: Callable[..., Any]) -> ReportData:
    evaluation = make_run(**SHAPES[request.param])
    return read_data(evaluation, run=evaluation.run)


@pytest.fixture(params=FIGURES, ids=NAMES)
def figure(request: pytest.FixtureRequest) -> Figure:
    chosen: Figure = request.param
    return chosen


def test_nothing_overlaps_and_places_are_rounded(figure: Figure, data: ReportData) -> None:
    with styled("test"):
        canvas = draw_figure(figure, data)
        canvas.draw_without_rendering()
        whole = canvas.bbox
        for legend in canvas.legends:
            box = legend.get_window_extent()
            assert whole.x0 - 1 <= box.x0 <= box.x1 <= whole.x1 + 1
            assert not [a for a in canvas.axes if overlap(a.get_tightbbox(), box)]
        for axes in canvas.axes:
            titles = (axes.title, axes._left_title, axes._right_title)
            assert_apart([t for t in titles if t.get_text()])
            assert_apart(shown_labels(axes.xaxis))
            assert_apart(shown_labels(axes.yaxis))
            assert_rounded(axes.get_position().bounds)
        for one, other in itertools.combinations(canvas.axes, 2):
            assert not overlap(
                one.xaxis.label.get_window_extent(), other.xaxis.label.get_window_extent()
            )


@pytest.mark.parametrize("n", [3, 4])
def test_every_panel_has_a_title_of_its_own(n: int, make_run: Callable[..., Any]) -> None:
    evaluation = make_run(**of_many(n))
    data = read_data(evaluation, run=evaluation.run)
    for figure in (figure for figure in FIGURES if figure.name in OF_PAIRS):
        with styled("test"):
            canvas = Canvas()
            figure.draw(canvas, data)
        titles = [[axes.get_title(loc) for loc in SIDES] for axes in canvas.axes]
        named = ["|".join(title) for title in titles if any(title)]
        assert len(set(named)) == len(named) >= n * (n - 1) // 2, (figure.name, named)


SIDES = ("left", "center", "right")


def test_of_many_sources_cosines_are_one_map(make_run: Callable[..., Any]) -> None:
    pairs = list(itertools.combinations("abcdef", 2))
    stems = ("cosine_shared_median", "cosine_encoder_shared_median")
    told = {f"{s}_{p}_{q}": i / 20 - 0.1 for s in stems for i, (p, q) in enumerate(pairs)}
    told["cosine_shared_median_a_b"] = None
    evaluation = make_run(**of_many(6, summary=told))
    (figure,) = (figure for figure in FIGURES if figure.name == "cosines")
    data = read_data(evaluation, run=evaluation.run)
    assert missing(figure, data) is None
    test_nothing_overlaps_and_places_are_rounded(figure, data)
    with styled("test"):
        decoders, encoders = draw_figure(figure, data).axes
    for axes, stem in ((decoders, stems[0]), (encoders, stems[1])):
        assert [t.get_text() for t in axes.get_xticklabels()] == list("ABCDEF")
        shown = {t.get_position(): t.get_text() for t in axes.texts}
        expected = {
            (x + 0.5, y + 0.5): number(told[f"{stem}_{p}_{q}"], two)
            for p, q in pairs
            for x, y in itertools.permutations(("abcdef".index(p), "abcdef".index(q)))
            if told[f"{stem}_{p}_{q}"] is not None
        }
        assert shown == expected
    nothing = make_run(**of_many(6, summary=dict.fromkeys(told)))
    why = missing(figure, read_data(nothing, run=nothing.run))
    assert why == (
        "The medians of shared latents were not measured, and pairs are too many for a panel each."
    )


def assert_rounded(edges: tuple[float, ...]) -> None:
    """The layout's solver orders its terms by memory address: its last digits vary."""
    assert edges == pytest.approx([round(edge, 4) for edge in edges], abs=1e-12)


def shown_labels(axis: Any) -> list[Any]:
    low, high = sorted(axis.get_view_interval())
    ticks = axis.get_major_ticks()
    return [
        t.label1
        for t in ticks
        if low <= t.get_loc() <= high and t.label1.get_text() and t.label1.get_visible()
    ]


def assert_apart(texts: list[Any]) -> None:
    for one, other in itertools.combinations(texts, 2):
        assert not overlap(one.get_window_extent(), other.get_window_extent()), (one, other)


def overlap(one: Any, other: Any) -> bool:
    if one.width == 0 or other.width == 0:
        return False
    return bool(
        min(one.x1, other.x1) - max(one.x0, other.x0) > 0.5
        and min(one.y1, other.y1) - max(one.y0, other.y0) > 0.5
    )


@pytest.mark.parametrize(("name", "n"), [("norm_profiles", 3), ("cosines", 6)])
def test_same_data_same_bytes(
    name: str, n: int, make_run: Callable[..., Any], tmp_path: Path
) -> None:
    """Of more than two sources; of two the whole report is compared."""
    evaluation = make_run(**of_many(n, summary={"cosine_shared_median_b_e": 0.4}))
    data = read_data(evaluation, run=evaluation.run)
    (figure,) = (figure for figure in FIGURES if figure.name == name)
    first = save_figure(figure, data, folder=tmp_path / "1")
    assert_formats(first)
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "none"}):
        second = save_figure(figure, data, folder=tmp_path / "2")
    for ending in (".svg", ".png"):
        assert first.with_suffix(ending).read_bytes() == second.with_suffix(ending).read_bytes()


def test_no_global_state_is_touched(make_run: Callable[..., Any], tmp_path: Path) -> None:
    evaluation = make_run(d_sae=30)
    before = dict(mpl.rcParams)
    save_figure(FIGURES[0], read_data(evaluation, run=evaluation.run), folder=tmp_path)
    assert dict(mpl.rcParams) == before
    code = "import sys, xc.evaluate.report; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_words_of_every_figure() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for figure in FIGURES:
        assert figure.needs
        assert all(
            sentence.endswith(".") for sentence in (figure.shows, figure.misleads, figure.absent)
        )


@pytest.mark.parametrize(
    ("wish", "absent"),
    [
        ({"all_dead": True}, {"decoder_norms", "cosines", *SCALING, "density"}),
        ({"widths": (8, 9)}, {"cosines", *SCALING}),
        ({"only": "shared"}, {"nu_curves", "nu_ranks"}),
        ({"only": "b_only", "d_sae": 9}, {"nu_ranks"}),
        ({"omit": ("metrics",)}, {"training"}),
        ({"nulls": True, "omit": ("metrics",)}, OF_TWO),
        ({}, set()),
        (SHAPES["three"], set()),
        ({**SHAPES["three"], "nulls": True, "omit": ("metrics",)}, set(NAMES)),
    ],
)
def test_a_figure_without_data_says_why(
    wish: dict[str, Any], absent: set[str], make_run: Callable[..., Any]
) -> None:
    evaluation = make_run(**wish)
    data = read_data(evaluation, run=evaluation.run)
    assert {figure.name for figure, _ in not_drawn(FIGURES, data)} == absent
    reasons = {figure.name: missing(figure, data) for figure in FIGURES}
    not_due = {figure.name for figure in FIGURES if figure.fewest > len(data.sources)}
    assert {name for name, why in reasons.items() if why} == absent | not_due


def density_of(evaluation: Any) -> Any:
    figure = next(figure for figure in FIGURES if figure.name == "density")
    with styled("test"):
        return draw_figure(figure, read_data(evaluation, run=evaluation.run))


def heights(outline: Any) -> list[int]:
    return list(outline.get_data().values)


def test_density_has_a_panel_of_each_role_and_part(make_run: Callable[..., Any]) -> None:
    evaluation = make_run(parts=PARTS)
    whole, *panels = density_of(evaluation).axes
    assert [axes.get_title(loc="left").split(" (")[0] for axes in panels] == [
        "role user", "role assistant", "role template", "part a-very-long-n…arquet", "part web",
    ]  # fmt: skip
    table = evaluation.latents.to_arrow()
    everything = np.log10([v for v in table["frequency"].to_pylist() if v > 0])
    for axes, part in zip(panels, PARTS, strict=True):
        shares = np.array(table[f"frequency_{part}"].to_pylist())
        ground, outline = axes.patches
        edges = outline.get_data().edges
        assert heights(ground) == heights(whole.patches[0])
        assert heights(ground) == list(np.histogram(everything, edges)[0])
        assert heights(outline) == list(np.histogram(np.log10(shares[shares > 0]), edges)[0])
        assert axes.get_title(loc="left").endswith(f"({(shares > 0).sum():,})")
        assert sum(heights(outline)) == (shares > 0).sum()


def test_density_has_few_panels(make_run: Callable[..., Any]) -> None:
    assert len(density_of(make_run()).axes) == 1
    many = make_run(parts=tuple(f"corpus_part-{i}" for i in range(15)))
    assert len(density_of(many).axes) == 13
