"""Figures on the pages of null controls: a run's latents, and those of the control over them."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from xc.evaluate.nulls.conditions import IDENTICAL, PERMUTED, SEEDS, fitting
from xc.evaluate.nulls.matching import LOOSE
from xc.evaluate.report.axes import legend, log_counts
from xc.evaluate.report.classes import class_label, living_classes
from xc.evaluate.report.columns import Floats, LatentColumns
from xc.evaluate.report.data import ReportData, relative
from xc.evaluate.report.figure import Figure
from xc.evaluate.report.null_kinds import TITLES
from xc.evaluate.report.style import INK, MUTED, class_colour

EDGES = np.linspace(0, 1, 91)
"""Bins of 1/90: the borders of the classes (1/6, 4/9, 5/9, 5/6 in relative norm) are bin edges."""
COSINES = np.linspace(0, 1, 51)
ABSENT = "What the control left in RUN/nulls is not there, or is not what it counted."


def _norms(kind: str) -> Callable[[Canvas, ReportData], None]:
    def draw(canvas: Canvas, data: ReportData) -> None:
        axes = canvas.subplots()
        own = data.rel_norm(*data.sources)
        parts = {name: own[data.latents.of_class(name)] for name in living_classes(data.sources)}
        control = _alive_rel_norm(data.kept.latents[kind])
        counts = np.histogram(control, bins=EDGES)[0]
        highest = max(_bars(axes, values, name, EDGES) for name, values in parts.items())
        axes.stairs(np.maximum(counts, 0.1), EDGES, baseline=0.1, color=INK, linewidth=1.1)
        log_counts(axes, 2 * max(highest, float(counts.max())))
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "¼", "½", "¾", "1"])
        axes.set_xlabel(
            r"relative decoder norm  $\Vert d_{B}\Vert\;/\;(\Vert d_{A}\Vert+\Vert d_{B}\Vert)$",
            parse_math=True,
        )
        axes.set_ylabel("latents")
        axes.set_title("◂ only A", loc="left")
        axes.set_title("equal norms", loc="center", color=MUTED)
        axes.set_title("only B ▸", loc="right")
        named = f"{TITLES[kind]} ({len(control):,})"
        line = Line2D([], [], color=INK, linewidth=1.1, label=named)
        legend(canvas, [*_handles(data, parts), line])

    return draw


def _cosines(canvas: Canvas, data: ReportData) -> None:
    axes = canvas.subplots()
    table = data.kept.reproduced
    if table is None:
        return
    found = np.clip(table.number("cosine"), 0, 1)
    names = [name for name in living_classes(data.sources) if name != "other"]
    parts = {name: found[table.of_class(name)] for name in names}
    highest = 0.0
    for name, values in parts.items():
        counts = np.histogram(values[np.isfinite(values)], bins=COSINES)[0]
        axes.stairs(
            np.maximum(counts, 0.1), COSINES, baseline=0.1, fill=name != "shared",
            color=class_colour(name), alpha=0.8, linewidth=1.1,
        )  # fmt: skip
        highest = max(highest, float(counts.max()))
    axes.axvline(LOOSE, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    log_counts(axes, highest)
    axes.set_xlim(0, 1)
    axes.set_xlabel("largest cosine with a latent of the same class, mean over seeds")
    axes.set_ylabel("latents")
    legend(canvas, _handles(data, parts, outlined="shared"))


def _bars(axes: Axes, values: Floats, name: str, edges: Floats) -> float:
    counts = np.histogram(values[np.isfinite(values)], bins=edges)[0]
    axes.stairs(counts, edges, baseline=0.1, fill=True, color=class_colour(name), alpha=0.6)
    return float(counts.max())


def _handles(
    data: ReportData, parts: dict[str, Floats], *, outlined: str = ""
) -> list[Patch | Line2D]:
    return [
        _handle(name, class_label(data, name, len(values)), outlined=name == outlined)
        for name, values in parts.items()
    ]


def _handle(name: str, label: str, *, outlined: bool) -> Patch | Line2D:
    if outlined:
        return Line2D([], [], color=class_colour(name), linewidth=1.1, label=label)
    return Patch(color=class_colour(name), alpha=0.7, label=label)


def _alive_rel_norm(columns: LatentColumns) -> Floats:
    found = relative(columns.number("norm_a"), columns.number("norm_b"))
    alive: Floats = found[~columns.of_class("dead") & np.isfinite(found)]
    return alive


def _lacks_norms(kind: str) -> Callable[[ReportData], str | None]:
    def lacks(data: ReportData) -> str | None:
        columns = data.kept.latents.get(kind)
        shown = kind in fitting(data.summary, data.nulls) and columns is not None
        return None if shown and columns is not None and len(_alive_rel_norm(columns)) else ABSENT

    return lacks


def _lacks_cosines(data: ReportData) -> str | None:
    table = data.kept.reproduced
    shown = SEEDS in fitting(data.summary, data.nulls) and table is not None
    return None if shown and table is not None and table.has("cosine") else ABSENT


def _beside(kind: str, title: str, shows: str, misleads: str) -> Figure:
    return Figure(
        name=f"null_{kind}",
        title=title,
        shows=f"{shows} Latents that fire; the count axis is logarithmic.",
        misleads=misleads,
        needs=("latents.norm_a", "latents.norm_b"),
        absent="The evaluation measured no decoder norms.",
        draw=_norms(kind),
        height=2.9,
        lacks=_lacks_norms(kind),
    )


NULL_FIGURES: tuple[Figure, ...] = (
    _beside(
        IDENTICAL,
        "Relative decoder norms, with those of A against A over them",
        "This run's latents, filled, by relative decoder norm; the line is the control, in which "
        "what is not in the middle is there by mistake.",
        "A line that stays in the middle does not show that what this run has at the ends is "
        "right: faint latents are shrunk, and A against itself has none.",
    ),
    _beside(
        PERMUTED,
        "Relative decoder norms, with those of permuted rows over them",
        "This run's latents, filled, by relative decoder norm; the line is the control, in which "
        "what is in the middle is shared by chance.",
        "The control has other numbers of latents that fire, so that heights compare only "
        "roughly; the estimate allows for it.",
    ),
    Figure(
        name=f"null_{SEEDS}",
        title="How near other seeds come",
        shows=(
            "The largest cosine of each latent with one of the same class in another seed, mean "
            "over seeds; latents of one source filled, shared ones as an outline, what is below 0 "
            "at 0. The dashed line is where one counts as found by a seed. The count axis "
            "is logarithmic."
        ),
        misleads=(
            "Several latents may be near the same one of the other seed: the table matches them "
            "one to one. In few dimensions cosines are large by chance."
        ),
        needs=("latents.norm_a",),
        absent="The evaluation measured no decoder norms.",
        draw=_cosines,
        height=2.9,
        lacks=_lacks_cosines,
    ),
)
"""Drawn where the controls were made and what they left is still there."""
