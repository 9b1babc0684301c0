"""Figures as PNG and SVG: the same data give the same bytes, no date and no program's name."""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from xc.evaluate.report.data import ReportData
from xc.evaluate.report.figure import Figure
from xc.evaluate.report.style import WIDTH, styled
from xc.store_schema import atomic_path

DPI = 160
"""Dots per inch of the PNG, and of points that an SVG holds as an image."""

_NO_SVG_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def save_figure(figure: Figure, data: ReportData, *, folder: Path) -> Path:
    """Draw a figure into `folder` as NAME.png and NAME.svg; returns the SVG's path."""
    svg = folder / f"{figure.name}.svg"
    with styled(figure.name):
        canvas = draw_figure(figure, data)
        for path, metadata in (
            (svg, _NO_SVG_METADATA),
            (svg.with_suffix(".png"), {"Software": None}),
        ):
            with atomic_path(path) as aside:
                canvas.savefig(aside, format=path.suffix[1:], dpi=DPI, metadata=metadata)
    return svg


def draw_figure(figure: Figure, data: ReportData) -> Canvas:
    """Draw on a fresh canvas that no global state knows of; call it within `styled`."""
    canvas = Canvas(figsize=(WIDTH, figure.height), layout="constrained")
    FigureCanvasAgg(canvas)
    figure.draw(canvas, data)
    _settle(canvas)
    return canvas


def _settle(canvas: Canvas) -> None:
    """Lay out once and round.

    The solver's last digits depend on memory addresses; unrounded they would now and then move a
    pixel or a printed decimal.
    """
    canvas.draw_without_rendering()
    canvas.set_layout_engine("none")
    for axes in canvas.axes:
        x, y, width, height = (round(edge, 4) for edge in axes.get_position().bounds)
        axes.set_position((x, y, width, height))
