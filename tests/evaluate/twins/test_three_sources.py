"""95 % intervals of numbers of twins of each pair of three sources hold what so many rows show on
average, in 90 to 99 of 100 data sets."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from evaluating import World, latent_rows, make_world
from simulated import group_sums

from xc.evaluate import METRICS
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.group_sets import HALF, at_once, sets
from xc.evaluate.selection import select
from xc.evaluate.twins.choices import Choice
from xc.evaluate.twins.divergence import Counts, Question, count
from xc.evaluate.twins.find import KEYS, Twins, twins_of

N, DOCUMENTS, ROWS, EACH, GROUPS = 250, 80, 30, 30, 20
SOURCES, WIDTH = 3, 40
ENDS = ("a_b", "a_c", "b_c")
OTHER = "_04_01"
"""End of the keys that are told for other thresholds too."""


def keys(pair: str) -> list[str]:
    return [
        *(f"{key}_{pair}" for key in KEYS),
        *(f"{key}{OTHER}_{pair}" for key in KEYS if key.endswith("_median")),
    ]


def alike() -> World:
    """Of each source alone EACH latents; the i-th of all sources point the same way, nearly."""
    rng = np.random.default_rng(5)
    world = make_world(1, SOURCES * EACH, widths=(WIDTH,) * SOURCES, zero_rows=False)
    own = [np.zeros_like(w) for w in world.W]
    for m, w in enumerate(own):
        w[m * EACH : (m + 1) * EACH] = np.eye(WIDTH)[:EACH]
        w[m * EACH : (m + 1) * EACH] += 0.03 * (m > 0) * rng.normal(size=(EACH, WIDTH))
    return replace(world, W=tuple(own))


def drawn(world: World, rng: np.random.Generator) -> tuple[World, np.ndarray]:
    """Documents in which latents that point the same way fire more or less often, and more or less
    often all together, else one of them. No activation is above a cap that many reach: then maxima
    are what they are in every data set."""
    n = DOCUMENTS * ROWS
    document = np.repeat(np.arange(DOCUMENTS), ROWS)
    often = np.geomspace(0.0004, 0.05, EACH) * rng.gamma(2.0, 0.5, (DOCUMENTS, EACH))
    together = rng.beta(2.0 * np.linspace(0.2, 0.9, EACH), 1.0, (DOCUMENTS, EACH))[document]
    fires = rng.random((n, EACH)) < often[document]
    busy = (rng.random(n) < 0.05 * rng.gamma(2.0, 0.5, DOCUMENTS)[document])[:, None]
    fires |= busy & (rng.random((n, EACH)) < 0.6) & (np.arange(EACH) >= EACH // 4)
    every, one = rng.random((n, EACH)) < together, rng.integers(0, SOURCES, (n, EACH))
    f = np.hstack([fires & (every | (one == m)) for m in range(SOURCES)])
    f = np.where(f, np.minimum(rng.gamma(2.0, 1.0, f.shape), 2.0), 0).astype(np.float32)
    return replace(world, f=f, sequence=document, role=np.zeros(n, np.uint8)), document


def sample(world: World, seed: int) -> Twins:
    """The twins of one data set, as an evaluation finds them."""
    data, _ = drawn(world, np.random.default_rng([6, seed]))
    metrics = select(METRICS, ("class", "max_activation"), SOURCES)
    group, sums = group_sums(data, np.arange(DOCUMENTS), metrics, GROUPS)
    without = [frozenset({g}) for g in range(GROUPS)] + sets(GROUPS, at_once(GROUPS, HALF))
    start, again = Facts(data.decoder), sums.without_sets([m.name for m in metrics], without)
    classes = (finish_all(metrics, left, start).values["class"] for left in again)
    others = [Choice.without(s, GROUPS, own) for s, own in zip(without, classes, strict=True)]

    def counted(pairs: Question) -> Counts:
        return count(latent_rows(data.f), pairs, group, groups=GROUPS)

    return twins_of(finish_all(metrics, sums.totals(), start), counted, cosine=0.9, others=others)


@cache
def samples() -> tuple[Twins, ...]:
    world = alike()
    return tuple(sample(world, seed) for seed in range(N))


@pytest.mark.thorough
@pytest.mark.parametrize("key", [key for pair in ENDS for key in keys(pair)])
def test_they_hold_what_so_many_rows_show(key: str) -> None:
    told = [(float(s.values[key] or 0), s.intervals.ends[f"{key}_ci"]) for s in samples()]
    mean = np.mean([value for value, _ in told])
    held = np.mean([ends is not None and ends[0] <= mean <= ends[1] for _, ends in told])
    assert 0.90 <= held <= 0.99


def test_no_number_is_left_out() -> None:
    found = sample(alike(), 0)
    assert set(found.values) == {k for pair in ENDS for k in keys(pair)}
    assert all((found.values[f"n_twins_{pair}"] or 0) > EACH // 2 for pair in ENDS)
