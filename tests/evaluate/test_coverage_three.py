"""95 % intervals hold what they are about in 90 to 99 of 100 data sets, for every number of three
sources that so few rows define."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from simulated import Drawn, Population, draw, sample
from simulated_three import SOURCES, ThreeSettled
from tiers import tiered

from xc.evaluate import METRICS, overall
from xc.evaluate.class_thresholds import DEAD
from xc.evaluate.groups import Group, over_groups
from xc.evaluate.letters import letter
from xc.evaluate.metric import Metric
from xc.evaluate.naming import names
from xc.evaluate.repetition import FIXED, FOLLOWS
from xc.evaluate.selection import select

DOCUMENTS, RESAMPLES = 80, 300
LEAST, MOST = 0.90, 0.99
GROUPS = (Group("role", 3, "template"), Group("corpus", 1, "chat"))

DENSE, CROWDED = "dense", "crowded"
N = {DENSE: 250, CROWDED: 300}
POPULATIONS: dict[str, Callable[[], Population]] = {
    DENSE: ThreeSettled.make,
    CROWDED: lambda: ThreeSettled.make(150, rare=0, often=6.0, even=6.0),
}
"""Latents that fire on many rows, or in few documents; rows of some fifty latents each."""

WHOLE = ("l0_p",)
"""By the beginning of their keys: quantiles of the latents on a row, whole numbers that hardly move
in the dense population; they are tested in the crowded one."""

SETTLING = (
    "l0", "fve", "mse", "cosine_reconstruction", "sharedness_literal", "sharedness_v",
    "sharedness_from", *(f"sharedness_{pair}" for pair in ("a_b", "a_c", "b_c")),
)  # fmt: skip
"""By the beginning of their keys: numbers that settle as rows grow. What is to be held is the value
over very many rows; of all others what so many rows show on average, for medians over latents the
median of that."""

WITHOUT = {"alignment_all_": FIXED, "cca_chance_": FOLLOWS}
"""By the beginning of their keys: numbers that have no interval, and why; those of so few rows that
they are not defined apart."""

WIDE = {"nu_reconstruction_frequency_spearman_other": 0.996}
"""Numbers whose intervals are too wide, and in what share of the data sets they may hold: of 1,000
sets this one holds in 99.2 of 100."""


@cache
def population(name: str) -> Population:
    return POPULATIONS[name]()


def numbers(*beginnings: str) -> tuple[Metric, ...]:
    asked = [m.name for m in METRICS if not m.scope.is_column and m.name.startswith(beginnings)]
    metrics = select(METRICS, asked, SOURCES)
    return (*metrics, *over_groups(metrics, GROUPS))


@cache
def drawn(name: str) -> Drawn:
    metrics = numbers("l0_p") if name == CROWDED else numbers("")
    return draw(population(name), metrics, n=N[name], documents=DOCUMENTS, resamples=RESAMPLES)


def keys() -> list[str]:
    letters = [letter(m) for m in range(SOURCES)]
    classes = overall.class_names(letters)
    return [
        *(key for m in numbers("") if not m.scope.is_column for key in names(m, SOURCES)),
        *(f"n_{label}" for label in classes if label != DEAD),
        *(f"n_persistence_{k + 1}" for k in range(SOURCES)),
        *(f"l0_group_{part}" for part in ("shared", "plain")),
        *(f"n_{label}_group_{part}" for part in ("shared", "plain") for label in classes),
    ]


def rare(key: str) -> bool:
    """Whether it is not defined for fewer than 100,000 rows."""
    return key.startswith("n_rarer_")


def crowded(key: str) -> bool:
    """Whether it is of that population: `make test` takes no other."""
    return key.startswith(WHOLE)


def held(key: str) -> float:
    """In what share of the data sets the interval holds what it is about."""
    data = drawn(CROWDED if crowded(key) else DENSE)
    if key.startswith(SETTLING):
        return data.coverage(key, data.pooled[key])
    average: Callable[[list[float]], Any] = np.median if "_median" in key else np.mean
    return data.coverage(key, data.typical(key, average))


MEASURED = [key for key in keys() if not key.startswith(tuple(WITHOUT)) and not rare(key)]


def like(key: str) -> str:
    """What a number is, whichever source, pair of sources or half of the latents it is of."""
    whole = re.sub("_group_.*", "_group", re.sub("_[abc]_only", "_only", key))
    return re.sub(r"(_[abc]){1,2}(?=_role|_corpus|$)", "", whole)


@pytest.mark.slow
@pytest.mark.parametrize("key", tiered(MEASURED, crowded))
def test_intervals_are_not_too_narrow(key: str) -> None:
    assert held(key) >= LEAST


@pytest.mark.slow
@pytest.mark.parametrize("number", tiered(sorted({like(key) for key in MEASURED}), crowded))
def test_intervals_are_not_too_wide(number: str) -> None:
    """Of all sources or pairs together: 250 data sets do not tell 98 in 100 from 99."""
    most = WIDE.get(number, MOST)
    assert np.mean([held(key) for key in MEASURED if like(key) == number]) <= most


def test_no_number_is_left_out() -> None:
    world, clusters = population(DENSE).draw(20, np.random.default_rng(0))
    found = sample(world, clusters, numbers(""), resamples=10)
    assert {f"{key}_ci" for key in keys() if "_group_" not in key} == found.intervals.ends.keys()
    for key in keys():
        why = next((why for start, why in WITHOUT.items() if key.startswith(start)), None)
        assert why in (None, found.intervals.reasons.get(f"{key}_ci"))
    assert all(np.isnan(found.values[key]) for key in keys() if rare(key))
