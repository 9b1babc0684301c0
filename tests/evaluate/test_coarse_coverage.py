"""95 % intervals of comparisons of activations, from few unequal groups, hold in 90 to 99 %."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from evaluating import World, make_world

from xc.evaluate import METRICS
from xc.evaluate.clusters import row_groups
from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.graph import Totals
from xc.evaluate.group_sums import GroupSums
from xc.evaluate.intervals import jackknife_intervals
from xc.evaluate.metrics import activation_similarity
from xc.evaluate.moments import ALIKE, moment_sums
from xc.evaluate.parts import BUDGET
from xc.evaluate.selection import select

N, DOCUMENTS, ROWS = 400, 80, 12
NAMES = (*ALIKE, "cka_chance")
LARGE = activation_similarity.METRIC
WORLD = make_world(1, 4, widths=(5, 6))


def draw(rng: np.random.Generator) -> World:
    """Sources with three directions in common, whose strengths rows of a document share."""
    n = DOCUMENTS * ROWS
    document = np.repeat(np.arange(DOCUMENTS), ROWS)
    strong = rng.gamma(4.0, 0.25, (DOCUMENTS, 3))[document]
    common = strong * (
        rng.normal(size=(n, 3)) + rng.normal(scale=0.5, size=(DOCUMENTS, 3))[document]
    )
    mixed = np.random.default_rng(4)
    x = (common @ mixed.normal(size=(3, w)) + 0.7 * rng.normal(size=(n, w)) for w in (5, 6))
    f = np.zeros((n, 4), np.float32)
    return replace(
        WORLD, f=f, x=tuple(rows.astype(np.float32) for rows in x), sequence=document,
        role=np.zeros(n, np.uint8),
    )  # fmt: skip


def drawn(seed: int, coarse: int) -> tuple[dict[str, float], dict[str, Sequence[float]]]:
    """Values and intervals of one data set."""
    world, clusters = draw(np.random.default_rng([9, seed])), np.arange(DOCUMENTS)
    groups = row_groups(np.full(DOCUMENTS, ROWS), clusters, 20, largest=BUDGET // coarse)
    assert groups.parts.coarse == coarse
    of_row = groups.of_sequence[world.sequence] % coarse
    whole = world.block(0, world.n_rows)
    sums = {20 + k: moment_sums(whole.cut(of_row == k)) for k in range(coarse)}

    def load(labels: Sequence[str], part: int) -> Totals:
        return dict.fromkeys(labels, sums[part])

    found = GroupSums((LARGE,), 20, load, {}, coarse)
    metrics = select(METRICS, NAMES)
    facts = finish_all(metrics, found.totals(), Facts(world.decoder))
    ends = jackknife_intervals(metrics, found, facts).ends
    values = {name: float(facts.values[name][0]) for name in NAMES}
    return values, {name: ends[f"{name}_ci"] or [] for name in NAMES}


@pytest.mark.slow
@pytest.mark.parametrize("coarse", [5, 6])
def test_what_so_many_rows_show_is_held(coarse: int) -> None:
    samples = [drawn(i, coarse) for i in range(N)]
    for name in NAMES:
        value = np.mean([values[name] for values, _ in samples])
        held = np.mean([ends[name][0] <= value <= ends[name][1] for _, ends in samples])
        assert 0.90 <= held <= 0.99, (name, held)


def test_the_groups_are_those_of_an_evaluation() -> None:
    values, ends = drawn(0, 6)
    for name in NAMES:
        low, high = ends[name]
        assert 0 <= low < values[name] < high <= 1
