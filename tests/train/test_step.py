"""One training step: Adam and clipping against a plain loop, dead counters, θ, non-finite x."""

import math

import pytest
import torch
from training import WIDTHS, make_crosscoder, randn

from xc.train import TrainConfig
from xc.train.forward import dense
from xc.train.schedules import schedule_of
from xc.train.state import TrainState, new_state
from xc.train.step import Settings, move_threshold, take_step
from xc.train.trainer import settings_of

N = 16


def start(**values: object) -> tuple[TrainState, Settings]:
    base = {"d_sae": 24, "k": 3, "tokens": 100 * N, "batch_size": N, "lr": 0.01}
    config = TrainConfig.resolve({**base, **values})
    cc = make_crosscoder(name="relu" if config.sparsity == "l1" else "batch_topk")
    return new_state(cc, schedule_of(config, lr=0.01), torch.Generator()), settings_of(config, cc)


def batches(n: int) -> list[torch.Tensor]:
    return [randn(N, sum(WIDTHS), seed=i) for i in range(n)]


def reference_l1(xs: list[torch.Tensor], *, clip: float | None) -> list[torch.Tensor]:
    """Kissane's loop written out: squared error, λ warm-up, clipping, Adam."""
    cc = make_crosscoder(name="relu")
    W_enc, b_enc, W_dec, b_dec = (p.detach().clone().requires_grad_() for p in cc.parameters())
    parameters = [W_enc, b_enc, W_dec, b_dec]
    adam = torch.optim.Adam(parameters, lr=0.01)
    for t, x in enumerate(xs):
        f = torch.relu(x @ W_enc.T + b_enc)
        e = x - f @ W_dec - b_dec
        norms = W_dec[:, : WIDTHS[0]].norm(dim=1) + W_dec[:, WIDTHS[0] :].norm(dim=1)
        loss = e.square().sum(dim=1).mean() + 2 * min(1, t / 5) * (f * norms).sum(dim=1).mean()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(parameters, clip)
        adam.step()
    return parameters


@pytest.mark.parametrize("clip", [1.0, None])
def test_l1_training_equals_the_recipe_written_out(clip: float | None) -> None:
    state, settings = start(sparsity="l1", clip_norm=clip)
    xs = batches(12)
    for x in xs:
        take_step(state, x, settings)
    for mine, theirs in zip(
        state.crosscoder.parameters(), reference_l1(xs, clip=clip), strict=True
    ):
        torch.testing.assert_close(mine, theirs, atol=2e-5, rtol=2e-4)


def test_the_dead_latent_loss_is_in_the_loss_and_reaches_a_dead_latent() -> None:
    state, settings = start(dead_after_tokens=N, auxk_coeff=0.5, lr_decay=0.0)
    with torch.no_grad():
        state.crosscoder.b_enc[5] = 0.01
        state.crosscoder.W_dec[5] *= 1e-4
    x = batches(1)[0]
    assert not dense(state.crosscoder, x, 3).fired[5]
    before = state.crosscoder.W_enc[5].clone(), state.crosscoder.W_dec[5].clone()
    report = take_step(state, x, settings)
    parts = {name: float(part) for name, part in report.parts.items()}
    assert parts["auxk"] > 0
    assert math.isclose(report.loss, parts["reconstruction"] + 0.5 * parts["auxk"], rel_tol=1e-6)
    assert not torch.equal(state.crosscoder.W_enc[5], before[0])
    assert not torch.equal(state.crosscoder.W_dec[5], before[1])


def test_without_the_dead_latent_loss_a_dead_latent_stays() -> None:
    state, settings = start(auxk_coeff=0.0)
    with torch.no_grad():
        state.crosscoder.b_enc[5] = -1e3
    before = state.crosscoder.W_enc[5].clone()
    take_step(state, batches(1)[0], settings)
    assert torch.equal(state.crosscoder.W_enc[5], before)


def test_tokens_since_fired_count_up_and_fall_to_zero() -> None:
    state, settings = start()
    with torch.no_grad():
        state.crosscoder.b_enc[5] = -1e3
        state.crosscoder.b_enc[6] = 1e3
    for x in batches(3):
        take_step(state, x, settings)
    assert state.tokens_since_fired[5] == 3 * N
    assert state.tokens_since_fired[6] == 0
    assert state.tokens_since_fired.dtype == torch.int64


def test_theta_is_the_first_minimum_at_once_then_an_average_of_minima() -> None:
    state, settings = start()
    expected = None
    for t, x in enumerate(batches(6)):
        smallest = dense(state.crosscoder, x, 3).smallest
        weight = 1.0 if t == 0 else 9 / (10 + t)
        expected = smallest if expected is None else (1 - weight) * expected + weight * smallest
        take_step(state, x, settings)
        assert float(state.crosscoder.threshold) == pytest.approx(expected, rel=1e-5)
    active = (state.crosscoder.encode_joined(x) > 0).sum(dim=1).double().mean()
    assert active < 12


def test_relu_has_no_theta() -> None:
    cc = make_crosscoder(name="relu")
    move_threshold(cc, 5.0, updates=0)
    assert cc.threshold == pytest.approx(0.7)


def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    state, settings = start()
    take_step(state, batches(1)[0], settings)
    before = {k: v.clone() for k, v in state.crosscoder.state_dict().items()}
    x = batches(2)[1]
    x[3, 2] = float("nan")
    report = take_step(state, x, settings)
    assert math.isnan(report.loss)
    assert state.step == 1
    for name, tensor in state.crosscoder.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_k_of_the_step_is_used() -> None:
    state, settings = start(k=2, k_start=4, k_anneal_steps=2)
    actives = [take_step(state, x, settings).active for x in batches(3)]
    assert actives == [4 * N, 3 * N, 2 * N]
