"""Writes the figures and the report of a run: the one place of this folder that saves."""

from pathlib import Path

from xc.evaluate.report.data import Evaluated, read_data
from xc.evaluate.report.figure import missing
from xc.evaluate.report.figures import FIGURES
from xc.evaluate.report.figures.null_controls import NULL_FIGURES
from xc.evaluate.report.page import render_page
from xc.evaluate.report.save import save_figure
from xc.store_schema import RunLayout, atomic_path, atomic_write


def write_report(evaluation: Evaluated, *, run: RunLayout) -> Path:
    """Write `figures/NAME.png`, `figures/NAME.svg` and `report.html`; equal inputs, equal bytes.

    Reads evaluation/{summary.json, latents.parquet} through `evaluation`, and of the run's folder
    examples.parquet, metrics.jsonl, the configurations and provenance.json, each of which may be
    absent: the page says what it could not show.

    Returns:
        Path of report.html.
    """
    data = read_data(evaluation, run=run)
    with atomic_path(run.figures) as folder:
        folder.mkdir()
        drawn = {
            figure.name: save_figure(figure, data, folder=folder).read_text(encoding="utf-8")
            for figure in (*FIGURES, *NULL_FIGURES)
            if missing(figure, data) is None
        }
    atomic_write(run.report, render_page(data, FIGURES, drawn))
    return run.report
