"""A step in parts is the step on the whole batch, up to the order of summation."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from training import WIDTHS, randn, source

from xc.train import Crosscoder, TrainConfig
from xc.train.distributed import ALONE, Processes
from xc.train.initial import initialise
from xc.train.schedules import schedule_of
from xc.train.settle import activation_fn_of
from xc.train.state import TrainState, new_state
from xc.train.step import take_step
from xc.train.step_in_parts import Parts, column_spread, residual_spread, take_step_in_parts
from xc.train.trainer import settings_of

N = 24
BASE: dict[str, Any] = {
    "d_sae": 40, "k": 3, "tokens": 100 * N, "batch_size": N, "lr": 0.01, "dead_after_tokens": 2 * N,
    "auxk_coeff": 0.5, "lr_decay": 0.0, "sources": ("m0@1", "m1@1"),
}  # fmt: skip


def start(**values: Any) -> tuple[TrainState, TrainConfig]:
    config = TrainConfig.resolve({**BASE, **values})
    sources = [source(i, w) for i, w in enumerate(WIDTHS)]
    cc = Crosscoder(sources, 40, activation_fn=activation_fn_of(config))
    generator = torch.Generator().manual_seed(0)
    initialise(cc, norm=1.0, same=False, generator=generator)
    with torch.no_grad():
        cc.b_enc[5:9] -= 4.0
        if cc.log_threshold is not None:
            cc.set_threshold(0.3)
    return new_state(cc, schedule_of(config, lr=0.01), generator), config


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"d_sae": 40, "k": 6},
        {"sparsity": "topk"},
        {"sparsity": "l1"},
        {"sparsity": "jumprelu"},
        {"code_norm": "decoupled"},
        {"code_norm": "sae", "k_start": 6, "k_anneal_steps": 4},
        {"matryoshka": (8, 20)},
        {"source_weights": (1.0, 3.0)},
        {"reconstruction": "norm"},
    ],
    ids=lambda values: "-".join(map(str, values.values())) or "sparse",
)
@pytest.mark.parametrize("parts", [1, 4])
def test_parts_equal_the_whole(values: dict[str, Any], parts: int) -> None:
    whole, config = start(**values)
    cut, _ = start(**values)
    settings = settings_of(config, whole.crosscoder)
    made = Parts.of(replace(config, grad_accumulation=4), cut.crosscoder, ALONE)
    assert made is not None
    made = replace(made, number=parts)
    for step in range(8):
        x = randn(N, sum(WIDTHS), seed=step)
        expected = take_step(whole, x, settings)
        found = take_step_in_parts(cut, x, settings, made)
        assert found.active == expected.active
        assert found.loss == pytest.approx(expected.loss, rel=1e-4)
        for name, part in expected.parts.items():
            assert float(found.parts[name]) == pytest.approx(float(part), rel=1e-4), name
        torch.testing.assert_close(found.residual, expected.residual, atol=1e-4, rtol=1e-3)
        assert torch.equal(cut.tokens_since_fired, whole.tokens_since_fired)
    if config.auxk_coeff:
        assert float(found.parts["auxk"]) > 0
    assert cut.step == whole.step == 8
    torch.testing.assert_close(cut.crosscoder.threshold, whole.crosscoder.threshold)
    expected_weights = whole.crosscoder.parameters()
    for mine, theirs in zip(cut.crosscoder.parameters(), expected_weights, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-3)


def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    state, config = start(grad_accumulation=4)
    parts = Parts.of(config, state.crosscoder, ALONE)
    assert parts is not None
    settings = settings_of(config, state.crosscoder)
    before = {n: t.clone() for n, t in state.crosscoder.state_dict().items()}
    x = randn(N, sum(WIDTHS))
    x[N - 1, 0] = torch.inf
    assert not np.isfinite(take_step_in_parts(state, x, settings, parts).loss)
    assert state.step == 0
    assert all(torch.equal(t, before[n]) for n, t in state.crosscoder.state_dict().items())
    assert all(p.grad is None for p in state.crosscoder.parameters())


def test_a_run_without_parts_is_taken_whole() -> None:
    state, config = start()
    assert Parts.of(config, state.crosscoder, ALONE) is None
    assert Parts.of(config, state.crosscoder, Processes(1, 2)) is not None


def test_equal_rows_leave_dead_latents_nothing_to_explain() -> None:
    x = randn(1, sum(WIDTHS)).expand(N, -1).contiguous()
    state, config = start(grad_accumulation=4, dead_after_tokens=N)
    parts = Parts.of(config, state.crosscoder, ALONE)
    assert parts is not None
    settings = settings_of(config, state.crosscoder)
    for _ in range(3):
        report = take_step_in_parts(state, x, settings, parts)
        assert float(report.parts["auxk"]) == 0
    assert bool((state.tokens_since_fired >= N).any())


def test_the_spread_is_that_of_all_rows() -> None:
    x = randn(12, 5)
    found = column_spread(list(x.split(5)), ALONE)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(found, x.double().var(dim=0, correction=0) * 12)
    both = residual_spread(list(x.split(5)), ALONE)  # type: ignore[no-untyped-call]
    assert torch.equal(both.about_mean, found)
    torch.testing.assert_close(both.about_zero, x.double().square().sum(dim=0))
