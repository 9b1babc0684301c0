"""The comparison as one page that opens offline."""

from markupsafe import Markup

from xc.evaluate.comparison.compare import Cell, Comparison
from xc.evaluate.comparison.matrix import layers_text, matrices
from xc.evaluate.comparison.shading import shade
from xc.evaluate.report.numbers import Format, interval, number
from xc.evaluate.report.page import environment, read_template, script_source


def comparison_page(comparison: Comparison) -> str:
    """The whole page as HTML."""
    script = read_template("sort.js")
    return (
        environment()
        .get_template("comparison.html")
        .render(
            comparison=comparison,
            css=Markup(read_template("report.css")),
            script=Markup(script),
            script_hash=script_source(script),
            matrices=matrices(comparison),
            text=_text,
            bounds=_bounds,
            shade=shade,
            layers_text=layers_text,
        )
    )


def _text(cell: Cell, style: Format) -> str:
    return number(cell.value, style)


def _bounds(cell: Cell, style: Format) -> str:
    return interval(cell.bounds, style)
