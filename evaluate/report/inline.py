"""An SVG file made part of the page: its ids apart from other figures', its ink the page's own."""

import re

from markupsafe import Markup

from xc.evaluate.report.style import INK, MUTED, PAPER, RULE

_BEFORE = re.compile(r"^.*?(?=<svg )", re.DOTALL)
_UNWANTED = re.compile(r"<!--.*?-->|<metadata>.*?</metadata>|<style[^>]*>.*?</style>", re.DOTALL)
_ID = re.compile(r'(\bid="|href="#|url\(#)')
_SIZE = re.compile(r'\s(?:width|height)="[^"]*"')
_INKS = {INK: "currentColor", MUTED: "var(--muted)", RULE: "var(--rule)", PAPER: "var(--paper)"}


def inline_svg(text: str, *, name: str, label: str) -> Markup:
    """The `<svg>` element alone, described for screen readers, scaling with the page.

    Args:
        text: an SVG file that `save_figure` wrote.
        name: the figure's name, put before every id.
        label: what the picture shows.
    """
    svg = _UNWANTED.sub("", _BEFORE.sub("", text))
    svg = _ID.sub(lambda found: f"{found[1]}{name}-", svg)
    for colour, variable in _INKS.items():
        svg = svg.replace(f": {colour}", f": {variable}")
    opening, closing, body = svg.partition(">")
    described = Markup(' role="img" aria-label="{}"').format(label)
    return Markup(_SIZE.sub("", opening)) + described + Markup(closing + body)
