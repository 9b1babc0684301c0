"""Intervals of overlaps that hang on a few shared latents: what is redrawn, and where there are
none."""

from dataclasses import replace

import numpy as np
import pytest
from simulated import Settled, group_sums, sample

from xc.evaluate import METRICS, overlap_intervals
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.group_sets import ENOUGH
from xc.evaluate.intervals import CARRIED
from xc.evaluate.naming import names
from xc.evaluate.overlap_intervals import Latents
from xc.evaluate.populations import FEWEST_REDRAWN
from xc.evaluate.selection import select

OVERLAPS = [m for m in METRICS if m.overlap is not None and m.overlap.percent == 95]
KEYS = [key for m in OVERLAPS for key in names(m, 2)]
WITH = select(METRICS, [m.name for m in OVERLAPS])


def some(n_groups: int, n: int, seed: int) -> Latents:
    """Latents of which the first fires in one group alone."""
    top, bottom, squares = np.random.default_rng(seed).uniform(0.5, 2.0, (3, n_groups, n))
    for sums in (top, bottom, squares):
        sums[1:, 0] = 0
    return Latents(top, bottom, squares)


def test_ratios_of_groups_by_weight() -> None:
    latents = some(4, 3, 1)
    weights = np.array([[2.0, 0, 1, 1], [0, 2, 2, 0]])
    expected = (weights @ latents.top)[:, 1:] / (weights @ latents.bottom)[:, 1:]
    found = latents.ratios(weights)
    assert found[:, 1:] == pytest.approx(expected)
    assert found[0, 0] == pytest.approx(latents.top[0, 0] / latents.bottom[0, 0])
    assert np.isnan(found[1, 0])  # it does not fire in the groups drawn


def test_latents_of_one_group_are_redrawn() -> None:
    """Whether or not their groups are drawn: as many on average, each one of them."""
    many = [some(20, 5, seed) for seed in range(12)]
    pool = Latents(
        *(
            np.concatenate([sums[:, :1] for sums in own], axis=1)
            for own in zip(*((o.top, o.bottom, o.squares) for o in many), strict=True)
        )
    )
    rng = np.random.default_rng(0)
    found = pool.redrawn(rng.multinomial(20, np.full(20, 1 / 20), 500).astype(float), rng)
    counts = np.isfinite(found).sum(axis=1)
    assert counts.mean() == pytest.approx(12, abs=0.6)
    assert counts.var() == pytest.approx(12, rel=0.25)  # Poisson
    assert set(found[np.isfinite(found)]) == set(pool.ratios(np.ones((1, 20)))[0])
    alone = many[0].redrawn(np.ones((7, 20)), rng)[:, :4]
    assert alone == pytest.approx(np.tile(many[0].ratios(np.ones((1, 20)))[0, 1:], (7, 1)))


def test_groups_all_drawn_once_give_the_overlap_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of latents none of which fires in one group alone, by the metric's own definition."""
    world, clusters = Settled.make(160, rare=0).draw(40, np.random.default_rng(3))
    _, sums = group_sums(world, clusters, WITH, 20)
    facts = finish_all(WITH, sums.totals(), Facts(world.decoder))
    monkeypatch.setattr(overlap_intervals, "_weighted", lambda w, a: np.tile(a.sum(0), (len(w), 1)))
    wanted = {m.name: (m.overlap, 0) for m in OVERLAPS if m.overlap is not None}
    for name, ends in overlap_intervals.overlap_intervals(wanted, sums, facts).items():
        assert ends == pytest.approx(np.full(2, facts.values[name][0]))


def test_quantiles_of_rows_some_of_which_lack_numbers() -> None:
    values = np.random.default_rng(1).normal(size=(6, 40))
    for row, n in enumerate((0, 1, 2, 5, 30)):
        values[row, n:] = np.nan
    found = overlap_intervals._quantiles(values, (0.025, 0.975))
    for row in range(1, 6):
        expected = np.nanquantile(values[row], [0.025, 0.975])
        assert [q[row] for q in found] == pytest.approx(expected)
    assert all(np.isnan(q[0]) for q in found)


@pytest.mark.parametrize(("d_sae", "groups", "why"), [
    (320, 20, None), (320, ENOUGH - 1, CARRIED), (210, 20, CARRIED),
])  # fmt: skip
def test_what_it_takes(d_sae: int, groups: int, why: str | None) -> None:
    world, clusters = Settled.make(d_sae).draw(60, np.random.default_rng(4))
    found = sample(world, clusters, WITH, groups=groups, resamples=10)
    again = sample(world, clusters, WITH, groups=groups, resamples=10)
    assert found.intervals == again.intervals
    for key in KEYS:
        ends = found.intervals.ends[f"{key}_ci"]
        assert found.intervals.reasons.get(f"{key}_ci") == why
        if ends is not None:
            assert 0 <= ends[0] < ends[1] <= 1
            assert ends[0] <= found.values[key] <= ends[1]


def test_it_takes_sixty_shared_latents() -> None:
    world, clusters = Settled.make(200, rare=40).draw(40, np.random.default_rng(5))
    _, sums = group_sums(world, clusters, WITH, 20)
    facts = finish_all(WITH, sums.totals(), Facts(world.decoder))
    overlap = OVERLAPS[0].overlap
    assert overlap is not None
    shared = np.flatnonzero(facts.values["class"][:, 0] == "shared")
    for n in (FEWEST_REDRAWN - 1, FEWEST_REDRAWN):
        classes = facts.values["class"].copy()
        classes[shared[n:]] = "other"
        fewer = replace(facts, values={**facts.values, "class": classes})
        assert overlap_intervals.too_few(overlap, sums, fewer).tolist() == [n < FEWEST_REDRAWN]
