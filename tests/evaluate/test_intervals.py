"""Every number has an interval, taken the way that suits it, or a reason why it has none."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from by_hand import AT_MOST_ONE, interval
from evaluating import make_world
from measured import Case
from simulated import Population, sample

from xc.evaluate import METRICS, Evaluation
from xc.evaluate.clusters import row_groups
from xc.evaluate.intervals import NO_INTERVALS, STEADY, TOO_FEW, UNDEFINED
from xc.evaluate.metric import Metric, Scope
from xc.evaluate.naming import names
from xc.evaluate.repetition import DRAWN, FIXED, repetition
from xc.evaluate.selection import select
from xc.store_schema import RequestError

NUMBERS = [m for m in METRICS if not m.scope.is_column]


def by_name(*wanted: str) -> tuple[Metric, ...]:
    return select(METRICS, wanted)


def test_every_number_has_one_or_a_reason(evaluation: Evaluation) -> None:
    told = evaluation.summary["not_measured"]
    for key in (key for metric in NUMBERS for key in names(metric, 2)):
        ends = evaluation.summary[f"{key}_ci"]
        assert (ends is None) == (f"{key}_ci" in told)
        if ends is not None:
            assert ends[0] <= evaluation.summary[key] <= ends[1]


@pytest.mark.parametrize("metric", NUMBERS, ids=lambda m: m.name)
def test_they_stay_within_bounds(metric: Metric, evaluation: Evaluation) -> None:
    for key in names(metric, 2):
        for end in evaluation.summary[f"{key}_ci"] or []:
            assert metric.bounds[0] <= end <= metric.bounds[1]


def test_a_mean_of_rows_is_resampled_and_fve_is_left_out_of() -> None:
    world, clusters = Population.make(24).draw(30, np.random.default_rng(0))
    found = sample(world, clusters, by_name("l0", "fve"), groups=0).intervals
    assert found.ends["l0_ci"] is not None
    assert found.reasons == dict.fromkeys(("fve_a_ci", "fve_b_ci", "fve_ci"), TOO_FEW)
    found = sample(world, clusters, by_name("l0", "fve"), resamples=0).intervals
    assert "l0_ci" not in found.ends
    assert found.ends["fve_a_ci"] is not None


def test_an_interval_of_fve_knows_that_the_mean_is_estimated() -> None:
    """Its groups are recomputed with means of their own: by hand from the rows."""
    world, clusters = Population.make(24).draw(40, np.random.default_rng(0))
    found = sample(world, clusters, by_name("fve"), groups=4).intervals.ends["fve_a_ci"]
    x, error = world.x[0].astype(float), world.x[0] - (world.f @ world.W[0] + world.b[0])

    def value(rows: np.ndarray) -> float:
        spread = x[rows] - x[rows].mean(axis=0)
        return float(1 - np.square(error[rows]).sum() / np.square(spread).sum())

    rows = np.bincount(world.sequence)
    group = row_groups(rows, clusters, 4).of_sequence[world.sequence]
    left_out = [value(group != g) for g in range(4)]
    expected = interval(value(group >= 0), left_out, AT_MOST_ONE)
    assert found == pytest.approx(expected, abs=1e-5)


def test_what_does_not_depend_on_the_rows_has_none(evaluation: Evaluation) -> None:
    assert evaluation.summary["not_measured"]["alignment_all_ci"] == FIXED


def test_undefined_values_have_none() -> None:
    world = make_world(60, 12, active=0.0)
    clusters = np.arange(world.sequence.max() + 1)
    found = sample(world, clusters, by_name("sharedness", "dead_fraction"), groups=5).intervals
    assert found.reasons["sharedness_ci"] == UNDEFINED
    assert found.reasons["dead_fraction_ci"] == STEADY


def test_drawn_numbers_pass_it_on() -> None:
    plan = {m.name: m for m in by_name("alignment_adjusted", "n_shared")}
    table = [replace(m, drawn=True) if m.name == "alignment" else m for m in plan.values()]
    told = {m.name: reason for m, reason in repetition(table).without.items()}
    assert told == {"alignment": DRAWN, "alignment_adjusted": DRAWN}


def test_metrics_that_no_number_needs_are_not_found_again() -> None:
    plan = repetition(by_name("sharedness", "beta_error", "max_activation"))
    assert [m.name for m in plan.again] == ["frequency", "mean_activation", "sharedness"]
    assert "rel_norm" in plan.fixed


def test_documents_make_fewer_clusters(make_case: Callable[..., Case]) -> None:
    made = make_case()
    plain = made.evaluate().summary
    found = made.evaluate(clusters="documents").summary
    for key in ("l0", "fve_a", "sharedness"):
        assert found[key] == pytest.approx(plain[key], rel=1e-12)
        assert found[f"{key}_ci"] != plain[f"{key}_ci"]
    with pytest.raises(RequestError, match="did you mean 'documents'"):
        made.evaluate(clusters="document")


@pytest.mark.parametrize(("setting", "key"), [("groups", "fve_a_ci"), ("bootstrap", "l0_ci")])
def test_they_can_be_left_out(make_case: Callable[..., Case], setting: str, key: str) -> None:
    found = make_case().evaluate(metrics=("l0", "fve"), **{setting: 0}).summary
    assert key not in found
    assert key not in found["not_measured"]


def test_nothing_is_empty() -> None:
    assert (NO_INTERVALS | NO_INTERVALS).of("l0") == {}
    assert Scope.SCALAR in {m.scope for m in NUMBERS}


def test_class_counts_of_groups_of_latents_have_them(make_case: Callable[..., Any]) -> None:
    def halves(checkpoint: Any) -> Any:
        both = {"sources": [0, 1], "penalty": 1.0, "tied": False}
        sizes = {"shared": (0, 9), "plain": (9, 18)}
        groups = ({"name": k, "start": a, "stop": b, **both} for k, (a, b) in sizes.items())
        return replace(checkpoint, partition=tuple(groups))

    found = make_case(mend=halves).evaluate().summary
    low, high = found["l0_group_plain_ci"]
    told = found["not_measured"]
    assert low < found["l0_group_plain"] < high
    assert found["n_shared_group_shared_ci"] or told["n_shared_group_shared_ci"] == STEADY


def test_resamples_that_are_all_alike_are_no_interval() -> None:
    world = make_world(120, 6)
    silent = replace(world, f=np.zeros_like(world.f))
    clusters = np.arange(silent.sequence.max() + 1)
    found = sample(silent, clusters, by_name("l0", "mse"), resamples=20).intervals
    assert found.ends["l0_ci"] is None
    assert found.reasons["l0_ci"] == STEADY
    assert found.ends["mse_a_ci"] is not None
