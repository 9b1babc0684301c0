"""Twins by choice of rows: each choice is matched as if it were the only one."""

import numpy as np
from evaluating import make_world
from hypothesis import given, settings
from hypothesis import strategies as st

from xc.evaluate.facts import Facts
from xc.evaluate.twins.matching import METHODS, match
from xc.evaluate.twins.pairs import similar
from xc.evaluate.twins.table import FALSE, HUNGARIAN

D_SAE = 24


def classes(rng: np.random.Generator, n: int, dying: float) -> list[np.ndarray]:
    """Of all rows, then with some dead and, once, some that are exclusive only there."""
    whole = rng.choice(["a_only", "b_only", "shared"], D_SAE, p=[0.45, 0.45, 0.1])
    choices = [np.where(rng.random(D_SAE) < dying, "dead", whole) for _ in range(n)]
    choices[-1][whole == "shared"] = "a_only"
    return [labels.astype("<U6")[:, None] for labels in (whole, *choices)]


@settings(max_examples=40, deadline=None)
@given(
    cosine=st.sampled_from([0.0, 0.2, 0.5]),
    n=st.integers(1, 4),
    dying=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)
def test_as_if_each_choice_were_the_only_one(
    *, cosine: float, n: int, dying: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    world = make_world(1, D_SAE, widths=(6, 6), seed=seed)
    facts, labels = Facts(world.decoder), classes(rng, n, dying)
    found = match(facts, labels, 0, "a_b", cosine=cosine)
    drawn = {(a, b) for c in found[0] if c.method == FALSE for a, b in zip(c.a, c.b, strict=True)}
    for own, there in zip(found, labels, strict=True):
        first, second = (np.flatnonzero(there[:, 0] == name) for name in ("a_only", "b_only"))
        near = similar(world.W[0][first], world.W[1][second], above=cosine)
        by_method = {c.method: c for c in own}
        for name, method in METHODS.items():
            alone, chosen = method(near), by_method[name]
            np.testing.assert_array_equal(chosen.a, first[alone.a])
            np.testing.assert_array_equal(chosen.b, second[alone.b])
            np.testing.assert_allclose(chosen.cosine, alone.cosine, rtol=1e-12)
        assert (FALSE in by_method) == bool(drawn)
        if drawn:
            best, false = by_method[HUNGARIAN], by_method[FALSE]
            assert {(a, b) for a, b in zip(false.a, false.b, strict=True)} == {
                (a, b) for a, b in drawn if a in best.a and b in best.b
            }
