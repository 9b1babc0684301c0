"""How many latents each class holds, by the norms of training and by folded ones."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xc.evaluate.class_thresholds import DEAD, MINDER, ClassThresholds, class_thresholds
from xc.evaluate.decoder_pairs import norm_difference, relative_norm
from xc.evaluate.report.classes import class_meaning, class_names, class_title
from xc.evaluate.report.data import ReportData
from xc.evaluate.report.style import class_colour

Classes = npt.NDArray[np.str_]


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
    per_dimension: int | None
    """Latents by norms per dimension; None where the widths are equal, or it was not counted."""
    meaning: str
    """What puts a latent there."""


def count_classes(data: ReportData) -> tuple[LatentClass, ...]:
    """Every class with its size, empty ones included; unknown names, and none, at the end."""
    names = class_names(data.sources)
    extra = sorted(set(data.latents.classes.tolist()) - set(names))
    folded = _folded_classes(data)
    return tuple(_counted(data, name, folded) for name in (*names, *extra))


def _counted(data: ReportData, name: str, folded: Classes | None) -> LatentClass:
    classes = data.latents.classes
    count = int(np.sum(classes == name))
    return LatentClass(
        name=name,
        title=class_title(name),
        colour=class_colour(name),
        count=count,
        share=count / max(len(classes), 1),
        folded=None if folded is None else int(np.sum(folded == name)),
        per_dimension=_per_dimension(data, name, count),
        meaning=class_meaning(name, thresholds(data)),
    )


def _per_dimension(data: ReportData, name: str, count: int) -> int | None:
    if len({source.d_model for source in data.sources}) < 2:
        return None
    return count if name == DEAD else data.summary.get(f"n_{name}_rms")


def _folded_classes(data: ReportData) -> Classes | None:
    """Classes by the norms of folded decoders; for two sources only."""
    names = ("norm_folded_a", "norm_folded_b")
    if len(data.sources) != 2 or not all(map(data.latents.has, names)):
        return None
    cuts = thresholds(data)
    measure = norm_difference if cuts.measure == "delta_norm" else relative_norm
    values = measure(*map(data.latents.number, names))
    alive = data.latents.classes != DEAD
    return cuts.classify(values, alive, p="a", q="b")


def thresholds(data: ReportData) -> ClassThresholds:
    """Where the evaluation cut the classes."""
    told = data.evaluation_config.get("class_thresholds")
    return class_thresholds(told) if isinstance(told, str) else MINDER
