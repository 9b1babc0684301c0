"""The groups of a partitioned dictionary: a label per latent, and each group's latents by class.

Exclusive latents are those of one source by construction, designated shared ones are shared by
construction; what a group's counts tell is how many of them live, and how much of the code they
carry.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from xc.evaluate import overall
from xc.evaluate.class_thresholds import DEAD
from xc.evaluate.decoder import Decoder
from xc.evaluate.facts import Facts
from xc.evaluate.letters import letter

EXCLUSIVE = "exclusive"


def group_name(group: Mapping[str, Any]) -> str:
    """shared, plain, exclusive_a, exclusive_b, …"""
    if group["name"] != EXCLUSIVE:
        return str(group["name"])
    return "_".join([EXCLUSIVE, *(letter(m) for m in group["sources"])])


def group_labels(decoder: Decoder) -> np.ndarray | None:
    """The group of each latent [latent]; None where the dictionary is not partitioned."""
    if not decoder.partition:
        return None
    sizes = [group["stop"] - group["start"] for group in decoder.partition]
    return np.repeat([group_name(group) for group in decoder.partition], sizes)


def group_counts(facts: Facts) -> dict[str, float | int | None]:
    """`l0_group_shared`, `n_a_only_group_plain`, …; null where not measured.

    `l0` is the mean number of the group's latents that fire on a row; the counts of a group are
    over the classes that latents of its sources can have.
    """
    labels = group_labels(facts.decoder)
    if labels is None:
        return {}
    measured = overall.needed(facts) in facts.values
    classes = overall.classes(facts) if measured else None
    frequency = facts.values.get("frequency")
    out: dict[str, float | int | None] = {}
    for group in facts.decoder.partition:
        name = group_name(group)
        inside = labels == name
        l0 = None if frequency is None else float(frequency[inside].sum())
        out[f"l0_group_{name}"] = l0
        for label in overall.class_names([letter(m) for m in group["sources"]]):
            out[f"n_{label}_group_{name}"] = _count(classes, inside, label)
    return out


def _count(classes: np.ndarray | None, inside: np.ndarray, label: str) -> int | None:
    if classes is None:
        return None
    found = classes[inside]
    return int(np.count_nonzero(found != DEAD if label == overall.ALIVE else found == label))
