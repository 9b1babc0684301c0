"""The classes of latents: their order, their titles, how many latents each holds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xc.evaluate.report.columns import Floats
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.sources import NamedSource
from xc.evaluate.report.style import class_colour
from xc.evaluate.report.words import figure_text


@dataclass(frozen=True)
class LatentClass:
    """One class and its size."""

    name: str
    """Value of the column `class`."""
    title: str
    """As people write it: `A only`."""
    colour: str
    """Its colour in every figure."""
    count: int
    """Latents by the decoder norms that training normalised."""
    share: float
    """count / d_sae; 0 for an empty dictionary."""
    folded: int | None
    """Latents by decoders folded to raw activations; None where that cannot be told."""
    meaning: str
    """What puts a latent there."""


def class_names(sources: tuple[NamedSource, ...]) -> tuple[str, ...]:
    """Names in the report's order: shared, one class per source, other, dead."""
    return ("shared", *(f"{s.letter}_only" for s in sources), "other", "dead")


def class_title(name: str) -> str:
    """`A only` for `a_only`; the others as they are."""
    if name.endswith("_only"):
        return f"{name.removesuffix('_only').upper()} only"
    return name


def class_meaning(name: str) -> str:
    """What puts a latent into a class, one line."""
    if name.endswith("_only"):
        letter = name.removesuffix("_only").upper()
        return f"elsewhere its decoder norm is below a fifth of that in {letter}"
    meanings = {
        "shared": "its decoder norms differ by less than a fifth of the larger",
        "other": "in between: written into all, but unequally",
        "dead": "never fires on the held-out rows",
    }
    return meanings.get(name, "")


def class_label(data: ReportData, name: str, count: int | None = None) -> str:
    """A legend's entry: `A only · gpt2@6 (48)`."""
    source = next((s for s in data.sources if name == f"{s.letter}_only"), None)
    title = class_title(name) + (f" · {figure_text(source.name, 24)}" if source else "")
    return title if count is None else f"{title} ({count:,})"


def count_classes(data: ReportData) -> tuple[LatentClass, ...]:
    """Every class with its size, empty ones included; unknown names of the table at the end."""
    folded = _folded_classes(data)
    names = class_names(data.sources)
    extra = sorted(set(data.latents.classes.tolist()) - {*names, ""})
    total = len(data.latents.classes)
    return tuple(
        LatentClass(
            name=name,
            title=class_title(name),
            colour=class_colour(name),
            count=int(np.sum(data.latents.of_class(name))),
            share=float(np.sum(data.latents.of_class(name))) / total if total else 0.0,
            folded=None if folded is None else int(np.sum(folded == name)),
            meaning=class_meaning(name),
        )
        for name in (*names, *extra)
    )


def _folded_classes(data: ReportData) -> npt.NDArray[np.str_] | None:
    """Classes by folded norms, thresholds of `classify`; two sources with known scales only."""
    if len(data.sources) != 2 or not data.latents.has("norm_a"):
        return None
    rel_norm = data.folded_rel_norm(*data.sources)
    if rel_norm is None:
        return None
    classes = classify(delta_norm(rel_norm))
    classes[data.latents.of_class("dead")] = "dead"
    return classes


def delta_norm(rel_norm: Floats) -> Floats:
    """Δ_norm = ½((n_B − n_A)/max + 1) from n_B/(n_A + n_B): r/(2(1−r)) below ½, 1 − (1−r)/(2r)."""
    smaller = np.minimum(rel_norm, 1 - rel_norm)
    half = smaller / (2 * np.maximum(rel_norm, 1 - rel_norm))
    delta: Floats = np.where(rel_norm < 0.5, half, 1 - half)
    return delta


def classify(delta: Floats) -> npt.NDArray[np.str_]:
    """Classes by Δ_norm: a_only < 0.1, b_only > 0.9, shared within 0.1 of 0.5, else other."""
    shared = np.abs(delta - 0.5) < 0.1
    names = np.select([delta < 0.1, delta > 0.9, shared], ["a_only", "b_only", "shared"], "other")
    return names.astype("<U8")
