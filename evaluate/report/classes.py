"""The classes of latents as the report names them: order, titles, labels, meanings."""

from xc.evaluate import overall
from xc.evaluate.class_thresholds import DEAD, MINDER, OTHER, SHARED, ClassThresholds
from xc.evaluate.overall import ALIVE, ONLY
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.sources import NamedSource
from xc.evaluate.report.words import figure_text


def class_names(sources: tuple[NamedSource, ...]) -> tuple[str, ...]:
    """Names in the report's order: shared, one class per source, other, dead."""
    return overall.class_names([source.letter for source in sources])


def living_classes(sources: tuple[NamedSource, ...]) -> tuple[str, ...]:
    """The same without the dead."""
    return tuple(name for name in class_names(sources) if name != DEAD)


def class_title(name: str) -> str:
    """`A only` for `a_only`; the others as they are."""
    if name.endswith(ONLY):
        return f"{name.removesuffix(ONLY).upper()} only"
    return name or "unclassed"


def class_meaning(name: str, cuts: ClassThresholds = MINDER) -> str:
    """What puts a latent into a class, one line."""
    shared, own = cuts.ratios()
    if name.endswith(ONLY):
        letter = name.removesuffix(ONLY).upper()
        if own is None:
            return "the thresholds state no cut for latents of one source"
        return f"elsewhere its decoder norm is below {_share(own)} of that in {letter}"
    meanings = {
        SHARED: f"its decoder norms differ by less than {_share(1 - shared)} of the larger",
        OTHER: "in between: its norms differ, but it is no source's own",
        ALIVE: "fires on held-out rows",
        DEAD: "never fires on the held-out rows",
    }
    return meanings.get(name, "")


def _share(value: float) -> str:
    return "a fifth" if round(value, 9) == 0.2 else f"{100 * value:.3g} %"


def class_label(data: ReportData, name: str, count: int | None = None) -> str:
    """A legend's entry: `A only · gpt2@6 (48)`."""
    source = next((s for s in data.sources if name == f"{s.letter}{ONLY}"), None)
    title = class_title(name) + (f" · {figure_text(source.name, 24)}" if source else "")
    return title if count is None else f"{title} ({count:,})"
