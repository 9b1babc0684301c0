"""The comparison as one page that opens offline."""

import re

from markupsafe import Markup

from xc.evaluate.comparison.about import told_apart, told_once
from xc.evaluate.comparison.compare import Cell, Comparison
from xc.evaluate.comparison.matrix import matrices
from xc.evaluate.comparison.settings import setting_texts
from xc.evaluate.comparison.shading import shade
from xc.evaluate.report.numbers import Format, interval, number
from xc.evaluate.report.page import environment, read_template, script_source


def comparison_page(comparison: Comparison) -> str:
    """The whole page as HTML."""
    script = read_template("order.js")
    settings = comparison.settings
    return (
        environment()
        .get_template("comparison.html")
        .render(
            comparison=comparison,
            css=Markup(read_template("report.css")),
            own_css=Markup(read_template("comparison.css")),
            script=Markup(script),
            script_hash=script_source(script),
            matrices=matrices(comparison),
            text=_text,
            bounds=_bounds,
            shade=shade,
            pieces=_pieces,
            told_once=told_once(comparison.entries),
            told_apart=told_apart(comparison.entries),
            settings={name: setting_texts(values) for name, values in settings.items()},
            shared={name: setting_texts([value])[0] for name, value in comparison.shared.items()},
        )
    )


def _pieces(name: str) -> list[str]:
    """A run's name in parts behind which it may be folded: `mid/`, `k=16,`, `seed=0`."""
    return re.split(r"(?<=[/,])", name)


def _text(cell: Cell, style: Format) -> str:
    return number(cell.value, style)


def _bounds(cell: Cell, style: Format) -> str:
    return interval(cell.bounds, style)
