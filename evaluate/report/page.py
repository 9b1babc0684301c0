"""The page: templates with escaping always on, one inline style sheet, one hashed inline script."""

import base64
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from xc.evaluate.report.absent import not_drawn, not_measured
from xc.evaluate.report.breakdown import breakdown, heads
from xc.evaluate.report.class_counts import count_classes
from xc.evaluate.report.class_evidence import class_evidence
from xc.evaluate.report.column_metrics import metrics_of_columns
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.details import details
from xc.evaluate.report.facts import facts
from xc.evaluate.report.figure import Figure
from xc.evaluate.report.figures.null_controls import NULL_FIGURES
from xc.evaluate.report.glossary import columns_explained, measures_explained
from xc.evaluate.report.headline import cards, headline_rows
from xc.evaluate.report.inline import inline_svg
from xc.evaluate.report.medians import medians
from xc.evaluate.report.nulls import null_controls
from xc.evaluate.report.numbers import any_size, interval, number, percent
from xc.evaluate.report.pairs import pair_table
from xc.evaluate.report.profiles import profiles
from xc.evaluate.report.prose import plain, prose, typed
from xc.evaluate.report.provenance import documents, fingerprints, versions
from xc.evaluate.report.spliced import spliced_section
from xc.evaluate.report.style import source_colour
from xc.evaluate.report.top_latents import top_latents
from xc.evaluate.report.twins import twin_section
from xc.evaluate.report.words import printable, visible

TEMPLATES = resources.files("xc.evaluate.report.templates")


def render_page(data: ReportData, figures: tuple[Figure, ...], drawn: Mapping[str, str]) -> str:
    """The whole page as HTML.

    Args:
        data: everything to show.
        figures: the table of figures.
        drawn: text of the SVG file by name, for figures that were drawn.
    """
    script = read_template("sort.js")
    rows, tables = headline_rows(data), details(data)
    classes = count_classes(data) if data.latents.classed else ()
    template = environment().get_template("report.html")
    return template.render(
        data=data,
        css=Markup(read_template("report.css")),
        script=Markup(script),
        script_hash=script_source(script),
        facts=facts(data),
        cards=cards(rows),
        rows=rows,
        details=tables,
        measures_explained=measures_explained(
            data, (*rows, *(row for table in tables for row in table.rows))
        ),
        columns_explained=columns_explained(data),
        medians=medians(data),
        pairs=pair_table(data),
        profiles=profiles(data),
        breakdown=breakdown(data),
        breakdown_heads=heads(data),
        classes=classes,
        evidence=class_evidence(data, tuple(entry.name for entry in classes)),
        class_metric=metrics_of_columns(2)["class"] if len(data.sources) > 1 else None,
        nulls=null_controls(data),
        null_figures={
            f.name: (f, _picture(f, drawn[f.name])) for f in NULL_FIGURES if f.name in drawn
        },
        twins=twin_section(data),
        spliced=spliced_section(data),
        figures=[(f, _picture(f, drawn[f.name])) for f in figures if f.name in drawn],
        not_drawn=not_drawn(figures, data),
        not_measured=not_measured(data),
        top=top_latents(data) if data.latents.classed and not _is_bare_control(data) else (),
        scaling_drawn="latent_scaling" in drawn,
        numbers=_numbers(data.summary),
        fingerprints=fingerprints(data),
        versions=versions(data),
        documents=documents(data),
    )


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """Templates with escaping always on, compiled once; texts from outside are cleaned before."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(read_template),
        autoescape=True,
        finalize=_clean,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"prose": prose, "plain": plain, "typed": typed}
    made.filters |= {"visible": visible, "percent": lambda v: number(v, percent)}
    made.filters |= {"colour": source_colour, "digits": lambda v: number(v, any_size)}
    return made


def _clean(value: Any) -> Any:
    """Every text from outside, before it is escaped: no controls, overrides or lone surrogates."""
    return value if isinstance(value, Markup) else printable(str(value))


def read_template(name: str) -> str:
    """Text of a template, the style sheet or the script."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def script_source(script: str) -> str:
    """The source expression that lets a Content-Security-Policy run this script and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _picture(figure: Figure, svg: str) -> Markup:
    return inline_svg(svg, name=figure.name, label=plain(f"{figure.title}. {figure.shows}"))


def _is_bare_control(data: ReportData) -> bool:
    """Of controls no texts are collected, unless somebody evaluates one anew."""
    return data.control_of is not None and not data.examples


def _numbers(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(key, value, interval) of every number in summary.json, by key."""
    return [
        (key, number(value, any_size), interval(summary.get(f"{key}_ci"), any_size))
        for key, value in sorted(summary.items())
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
