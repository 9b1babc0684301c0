"""Mean cosines of unrelated latents: over all pairs, and over fewer without starting over."""

import numpy as np
import pytest
from evaluating import make_world
from hypothesis import given, settings
from hypothesis import strategies as st

from xc.evaluate.facts import Facts
from xc.evaluate.unrelated import random_cosine


def by_pairs(p: np.ndarray, q: np.ndarray, alive: np.ndarray) -> float:
    listed = np.flatnonzero(alive)
    cosines = [
        p[i] @ q[k] / (np.linalg.norm(p[i]) * np.linalg.norm(q[k]))
        for i in listed
        for k in listed
        if i != k and p[i].any() and q[k].any()
    ]
    return float(np.mean(cosines)) if cosines else float("nan")


@settings(max_examples=30, deadline=None)
@given(sets=st.lists(st.lists(st.booleans(), min_size=9, max_size=9), min_size=1, max_size=5))
def test_any_sets_one_after_the_other_are_as_if_alone(sets: list[list[bool]]) -> None:
    world = make_world(3, 9, widths=(4, 4))
    decoder = world.decoder
    wide = [w.astype(np.float64) for w in world.W]
    for alive in map(np.array, sets):
        facts = Facts(decoder, values={"frequency": alive.astype(float)})
        found = random_cosine(facts, "decoder", (0, 1), (world.W[0], world.W[1]))
        assert found == pytest.approx(by_pairs(wide[0], wide[1], alive), abs=1e-6, nan_ok=True)
