"""Twins by choice of rows: each choice is matched as if it were the only one."""

import numpy as np
import pytest
from evaluating import make_world
from hypothesis import given, settings
from hypothesis import strategies as st

from xc.evaluate.facts import Facts
from xc.evaluate.twins import matching, pairs
from xc.evaluate.twins.matching import METHODS, match
from xc.evaluate.twins.pairs import similar
from xc.evaluate.twins.table import FALSE, HUNGARIAN
from xc.store_schema import Silent

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


class Told(Silent):
    """What a bar was told."""

    def __init__(self) -> None:
        self.bars: list[tuple[str, int, str]] = []
        self.moved: list[int] = []
        self.ended = 0

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        self.bars.append((title, total, unit))

    def advance(self, amount: int, **figures: float) -> None:
        self.moved.append(amount)

    def finish(self) -> None:
        self.ended += 1


def test_what_takes_long_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    world, labels = make_world(1, D_SAE, widths=(6, 6)), classes(np.random.default_rng(0), 1, 0.1)
    first, second = (
        np.any([c == name for c in labels], axis=0).sum() for name in ("a_only", "b_only")
    )
    monkeypatch.setattr(pairs, "_BLOCK", 4)
    for long, seen in ((first * second * 6, True), (first * second * 6 + 1, False)):
        monkeypatch.setattr(matching, "LONG", long)
        told = Told()
        match(Facts(world.decoder), labels, 0, "a_b", cosine=0.5, progress=told)
        assert told.bars == [("matching twins", first, "latents")] * seen
        assert (sum(told.moved), max(told.moved, default=0)) == ((first, 4) if seen else (0, 0))
        assert told.ended == seen
