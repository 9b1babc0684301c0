"""Definitions of dead latents: which rows each needs, and how they stand to one another."""

from dataclasses import replace

import numpy as np
from classed import make_rare
from evaluating import make_world

from xc.evaluate.facts import Facts
from xc.evaluate.metrics.dead_counts import METRICS

BY_NAME = {m.name: m for m in METRICS}


def test_rare_latents_are_counted_only_of_rows_enough() -> None:
    frequency = np.array([0.0, 2e-7, 5e-6, 0.1])
    facts = Facts(make_world(2, 4).decoder, values={"frequency": frequency})
    told = {
        name: float(BY_NAME[name].finish({"rows": np.array([2.0e6])}, facts))
        for name in ("n_rarer_1e-5", "n_rarer_1e-6", "n_rarer_1e-7")
    }
    assert told["n_rarer_1e-5"] == 3
    assert told["n_rarer_1e-6"] == 2
    assert np.isnan(told["n_rarer_1e-7"])


def test_rare_latents_of_twenty_million_rows_are_those_below_the_bound() -> None:
    values = make_rare().facts(borders=[10, 70]).values
    assert [values[f"n_rarer_1e-{n}"].item() for n in (5, 6, 7)] == [13, 10, 5]


def test_latents_that_fire_too_weakly_are_minders_dead() -> None:
    world = make_world(60, 20, zero_rows=False)
    f = world.f.copy()
    f[:, :3] *= 1e-7
    values = replace(world, f=f).facts().values
    assert values["n_dead_minder"] == values["n_dead"] + (world.f[:, :3] > 0).any(axis=0).sum()
