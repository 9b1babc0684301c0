"""What a figure is: a name, words, needs, and a function that draws."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure as Canvas

from xc.evaluate.report.data import ReportData


@dataclass(frozen=True)
class Figure:
    """One figure of the report, drawn by one small file."""

    name: str
    """File name without its ending."""
    title: str
    """Heading on the page."""
    shows: str
    """One sentence: what the picture shows."""
    misleads: str
    """One sentence: when it misleads."""
    needs: tuple[str, ...]
    """`latents.COLUMN` or `metrics.KEY`, each with one finite value at least; `latents.STEM*` also
    takes the pairwise columns of more than two sources. Any need of `latents` also needs a latent
    that fires."""
    absent: str
    """Why the data may be missing, one sentence."""
    draw: Callable[[Canvas, ReportData], None]
    """Draws on an empty canvas of the report's width."""
    height: float = 3.4
    """Inches."""
    fewest: int = 1
    """Sources from which on it is about anything; with fewer nobody misses it."""
    lacks: Callable[[ReportData], str | None] = lambda data: None
    """Why it would show nothing though its needs are met, one sentence; None if it shows
    something."""


def missing(figure: Figure, data: ReportData) -> str | None:
    """Why a figure cannot be drawn, one line; None if it can."""
    if len(data.sources) < figure.fewest:
        return f"It is about {figure.fewest} sources or more."
    if len(data.sources) == 1 and any(map(_of_pairs, figure.needs)):
        return "It compares sources, and this one stands alone."
    if not _fires(data) and any(need.startswith("latents") for need in figure.needs):
        return "No latent fires on the held-out rows."
    unmet = [need.rstrip("*") for need in figure.needs if not _met(need, data)]
    if not unmet:
        return figure.lacks(data)
    return f"No value for {', '.join(unmet)}. {figure.absent}"


def _of_pairs(need: str) -> bool:
    return need.endswith("*") or need == "latents.norm_b"


def _fires(data: ReportData) -> bool:
    return bool((data.latents.classes != "dead").any())


def _met(need: str, data: ReportData) -> bool:
    table, _, key = need.partition(".")
    if table == "metrics":
        column = data.curve.get(key)
        return column is not None and bool(np.isfinite(column).any())
    if not key.endswith("*"):
        return data.latents.has(key)
    stem = key.removesuffix("*")
    return any(data.latents.has(data.pair_column(stem, *pair)) for pair in data.pairs)
