"""Learning rate, λ, k and the weight of θ's average, step by step."""

from itertools import pairwise

import pytest

from xc.train import TrainConfig
from xc.train.schedules import Schedule, schedule_of, threshold_weight


def schedule(**values: object) -> Schedule:
    base = {"tokens": 100_000, "batch_size": 10, "lr": 1.0}
    config = TrainConfig.resolve({**base, **values})
    return schedule_of(config, lr=config.lr or 0.0)


def test_kissane_is_constant_then_falls_linearly_over_the_last_fifth() -> None:
    s = schedule(preset="kissane", tokens=100_000, batch_size=10, lr=1.0)
    assert s.steps == 10_000
    assert [s.lr_at(t) for t in (0, 4000, 8000)] == [1.0, 1.0, 1.0]
    assert s.lr_at(9000) == pytest.approx(0.5)
    assert s.lr_at(9999) == pytest.approx(1 / 2000)


def test_kissane_warms_lambda_up_over_a_twentieth() -> None:
    s = schedule(preset="kissane", tokens=100_000, batch_size=10)
    assert [s.l1_coeff_at(t) for t in (0, 250, 500, 9999)] == pytest.approx([0, 1, 2, 2])


def test_minder_warms_the_rate_up_over_a_thousand_steps_and_keeps_it() -> None:
    s = schedule(preset="minder-batchtopk", tokens=100_000, batch_size=10, lr=1.0)
    assert [s.lr_at(t) for t in (0, 1, 500, 1000, 9999)] == pytest.approx([0, 0.001, 0.5, 1, 1])


def test_k_falls_linearly_and_is_rounded() -> None:
    s = schedule(k=10, k_start=30, k_anneal_steps=100)
    assert [s.k_at(t) for t in (0, 1, 5, 50, 99, 100, 5000)] == [30, 30, 29, 20, 10, 10, 10]
    assert schedule(k=7).k_at(0) == 7


def test_winding_down_decays_for_the_share_of_a_full_run() -> None:
    s = schedule(lr_decay=0.2).wind_down(400)
    assert (s.decay_from, s.steps) == (400, 500)
    assert [s.lr_at(t) for t in (399, 400, 450)] == pytest.approx([1.0, 1.0, 0.5])


def test_winding_down_ends_at_once_without_a_decay_and_never_later_than_planned() -> None:
    assert schedule(lr_decay=0.0).wind_down(400).steps == 400
    assert schedule(lr_decay=0.2).wind_down(7999).steps <= 10_000
    planned = schedule(lr_decay=0.2)
    assert planned.wind_down(8500) == planned


def test_theta_starts_at_the_first_minimum_and_ends_with_a_decay_of_0999() -> None:
    assert threshold_weight(0) == 1.0
    assert threshold_weight(1) == pytest.approx(9 / 11)
    weights = [threshold_weight(t) for t in range(1, 20_000)]
    assert all(a >= b for a, b in pairwise(weights))
    assert threshold_weight(8990) == threshold_weight(10**6) == pytest.approx(0.001)
