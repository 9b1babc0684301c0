"""The worlds that the laws of metrics are tried on, and what a law does to each."""

from collections.abc import Iterable
from functools import cache

import numpy as np
from classed import make_classed, make_rare
from worlds import World, make_world

from xc.evaluate.facts import Facts
from xc.evaluate.metric import Metric

WORLDS = {
    "equal widths": make_world(d_sae=130),
    "unequal widths": make_world(widths=(6, 9), seed=1),
    "one latent": make_world(d_sae=1, active=0.5, zero_rows=False, seed=2),
    "one row": make_world(n_rows=1, active=0.5, seed=3),
    "all dead": make_world(active=0.0, seed=4),
    "dense": make_world(active=1.0, seed=5),
    "three sources": make_world(d_sae=60, widths=(5, 5, 7), seed=6),
    "three alike": make_world(d_sae=90, widths=(4, 4, 4), seed=9),
    "more dimensions than latents": make_world(d_sae=5, widths=(8, 8), seed=7),
    "no decoder": make_world(d_sae=3, active=0.5, seed=8),
    "large classes": make_classed(),
    "three of large classes": make_classed(widths=(6, 6, 6)),
    "rare latents": make_rare(),
    "just enough rows": make_rare(100_000),
}
THREE = ("three sources", "three alike", "three of large classes")
RARE = ("rare latents", "just enough rows")
CUT = ("three sources", "large classes", "three of large classes", *RARE)
"""Worlds whose rows are cut."""
MOVED = (*THREE, "equal widths", "unequal widths", "large classes", "rare latents")
"""Worlds whose latents and sources change places."""


def silence(world: World) -> World:
    for w in world.W:
        w[:] = 0
    return world


silence(WORLDS["no decoder"])


def cases(metrics: Iterable[Metric], names: Iterable[str]) -> list[tuple[Metric, str]]:
    """Every metric with every world in which it is measured."""
    metrics = list(metrics)
    return [(m, name) for name in names for m in metrics if m in WORLDS[name].metrics]


@cache
def facts_of(name: str) -> Facts:
    return WORLDS[name].facts()


@cache
def variant(name: str, law: str, borders: tuple[int, ...] = ()) -> Facts:
    """The values of a world after what a law does to it."""
    world = WORLDS[name]
    if law == "cut":
        return world.facts(borders=borders)
    if law == "reordered":
        return world.facts(borders=(20, 33, 70), order=[2, 0, 3, 1])
    return (world.swapped() if law == "swapped" else world.permuted(order_of(world))).facts()


def order_of(world: World) -> np.ndarray:
    return np.random.default_rng(0).permutation(world.f.shape[1])
