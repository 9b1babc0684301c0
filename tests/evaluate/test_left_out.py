"""Numbers without groups of rows: one group at a time, or several for those that move in steps."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from simulated import Population, group_sums

from xc.evaluate.facts import Facts
from xc.evaluate.finishing import finish_all
from xc.evaluate.group_sets import sets
from xc.evaluate.left_out import LeftOut, left_out
from xc.evaluate.metrics import METRICS
from xc.evaluate.repetition import repetition
from xc.evaluate.row_block import RowBlock
from xc.evaluate.selection import select

NAMES = ("fve", "n_dead", "template_over_third", "n_a_only_nu_below")
METRICS_OF = select(METRICS, NAMES)


@pytest.mark.parametrize(("groups", "several"), [(6, 1), (20, 5)])
def test_every_number_is_that_of_the_rows_left(groups: int, several: int) -> None:
    """By hand: the rows of the other documents, measured alone."""
    world, clusters = Population.make(40).draw(40, np.random.default_rng(0))
    of_row, sums = group_sums(world, clusters, METRICS_OF, groups)
    facts = finish_all(METRICS_OF, sums.totals(), Facts(world.decoder))
    found = left_out(repetition(METRICS_OF), sums, facts)
    whole = world.block(0, world.n_rows)

    def alone(block: RowBlock) -> dict[str, float]:
        reading = {m.name: m.partial(block) for m in METRICS_OF if m.reads.name != "NONE"}
        values = finish_all(METRICS_OF, reading, Facts(world.decoder)).values
        return {"fve_a": values["fve"][0], **{k: float(np.ravel(values[k])[0]) for k in NAMES[1:]}}

    for key in ("fve_a", *NAMES[1:]):
        k = found[key].at_once
        parts = [np.isin(of_row, sorted(part), invert=True) for part in sets(groups, k)]
        expected = [alone(whole.cut(rows))[key] for rows in parts]
        np.testing.assert_allclose(found[key].values, expected, rtol=1e-6)
        first = several if key in NAMES[2:] else 1
        assert k == first or (key == "n_a_only_nu_below" and k == 10)


def firing_in(groups: Sequence[int]) -> LeftOut:
    """How many latents are dead, where the first one fires in these of 20 groups alone."""
    world, clusters = Population.make(40).draw(40, np.random.default_rng(0))
    metrics = select(METRICS, ["n_dead"])
    of_row, _ = group_sums(world, clusters, metrics, 20)
    f = np.ones_like(world.f)
    f[:, 0] = np.isin(of_row, groups)
    of_row, sums = group_sums(replace(world, f=f), clusters, metrics, 20)
    facts = finish_all(metrics, sums.totals(), Facts(world.decoder))
    return left_out(repetition(metrics), sums, facts)["n_dead"]


@pytest.mark.parametrize(("n", "at_once"), [(1, 1), (2, 5), (5, 5), (7, 10), (10, 10)])
def test_what_no_group_changes_more_of_them_do(n: int, at_once: int) -> None:
    """Some set holds all groups that a latent fires in; the same by hand."""
    groups = sorted(sets(20, at_once)[3])[:n]
    found = firing_in(groups)
    assert found.at_once == at_once
    assert found.values.tolist() == [float(part >= set(groups)) for part in sets(20, at_once)]


def test_what_half_of_the_groups_does_not_change_stays_steady() -> None:
    found = firing_in(range(20))
    assert found.is_steady
    assert found.at_once == 10


def test_what_does_not_change_is_steady() -> None:
    assert LeftOut(np.array([2.0, 2.0])).is_steady
    assert not LeftOut(np.array([2.0, 3.0])).is_steady
    assert not LeftOut(np.array([np.nan, np.nan])).is_steady
    assert not LeftOut(np.array([2.0])).is_steady
    only = LeftOut(np.array([2.0, 3.0]), 1).only(np.array([True, False]))
    assert only.values.tolist() == [2.0]
