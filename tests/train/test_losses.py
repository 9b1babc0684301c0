"""Every term of the loss, value and gradient, against plain loops in float64."""

import math

import pytest
import torch
from torch import Tensor
from training import WIDTHS, make_crosscoder, randn

from xc.train import Crosscoder
from xc.train.forward import dense
from xc.train.losses import RECONSTRUCTIONS, auxk, penalty

N = 11


def double(name: str = "batch_topk") -> Crosscoder:
    return make_crosscoder(name=name).double()


def batch() -> Tensor:
    return randn(N, sum(WIDTHS)).double()


def errors(residual: Tensor) -> list[list[Tensor]]:
    """The residual of each token and source."""
    cut = WIDTHS[0]
    return [[r[:cut], r[cut:]] for r in residual]


def test_squared_sums_over_sources_and_averages_over_tokens() -> None:
    r = batch()
    expected = sum((e**2).sum() for row in errors(r) for e in row) / N
    torch.testing.assert_close(RECONSTRUCTIONS["squared"](r, double().columns), expected)


def test_norm_is_not_squared_and_averages_over_sources() -> None:
    r = batch()
    expected = sum((e**2).sum().sqrt() for row in errors(r) for e in row) / (2 * N)
    torch.testing.assert_close(RECONSTRUCTIONS["norm"](r, double().columns), expected)


def test_mse_averages_squares_over_sources() -> None:
    r = batch()
    expected = sum((e**2).sum() for row in errors(r) for e in row) / (2 * N)
    torch.testing.assert_close(RECONSTRUCTIONS["mse"](r, double().columns), expected)


def test_a_perfect_reconstruction_has_zero_loss_and_a_finite_gradient() -> None:
    for loss in RECONSTRUCTIONS.values():
        r = torch.zeros(N, sum(WIDTHS), dtype=torch.float64, requires_grad=True)
        value = loss(r, double().columns)
        value.backward()  # type: ignore[no-untyped-call]
        assert value == 0
        assert r.grad is not None
        assert torch.isfinite(r.grad).all()


def test_the_penalty_weighs_activations_by_decoder_norms() -> None:
    cc, x = double("relu"), batch()
    f = torch.relu(x @ cc.W_enc.T + cc.b_enc)
    cut = WIDTHS[0]
    expected = x.new_zeros(())
    for t in range(N):
        for j in range(cc.d_sae):
            d = cc.W_dec[j]
            expected = expected + f[t, j] * (d[:cut].norm() + d[cut:].norm()) / N
    got = penalty(dense(cc, x, 3).f_mean, cc.code_weights())
    torch.testing.assert_close(got, expected)
    for p in (cc.W_enc, cc.b_enc, cc.W_dec):
        mine, theirs = (torch.autograd.grad(v, p, retain_graph=True)[0] for v in (got, expected))
        torch.testing.assert_close(mine, theirs)


def test_rescaling_a_latent_leaves_the_penalty_alone() -> None:
    cc, x = double("relu"), batch()
    before = penalty(dense(cc, x, 3).f_mean, cc.code_weights())
    with torch.no_grad():
        cc.W_enc *= 5
        cc.b_enc *= 5
        cc.W_dec /= 5
    torch.testing.assert_close(penalty(dense(cc, x, 3).f_mean, cc.code_weights()), before)


def test_a_training_pass_keeps_the_largest_of_the_batch_and_its_gradient() -> None:
    cc, x, k = double(), batch(), 3
    done = dense(cc, x, k)
    f = torch.relu(x @ cc.W_enc.T + cc.b_enc)
    v = (f * cc.code_weights()).detach()
    least = v.flatten().sort(descending=True).values[k * N - 1]
    kept = torch.where(v >= least, f, 0.0)
    torch.testing.assert_close(done.xhat, kept @ cc.W_dec + cc.b_dec)
    assert done.active == k * N
    assert done.smallest == float(least)
    assert done.fired.tolist() == (kept > 0).any(dim=0).tolist()
    got = torch.autograd.grad(done.xhat.square().sum(), list(cc.parameters()), retain_graph=True)
    xhat = kept @ cc.W_dec + cc.b_dec
    for mine, theirs in zip(
        got, torch.autograd.grad(xhat.square().sum(), list(cc.parameters())), strict=True
    ):
        torch.testing.assert_close(mine, theirs)


def auxk_oracle(cc: Crosscoder, x: Tensor, residual: Tensor, dead: list[int], k: int) -> Tensor:
    r, norms = residual.detach(), cc.code_weights().detach()
    total, spread = x.new_zeros(()), x.new_zeros(())
    for t in range(len(x)):
        f = {j: torch.relu(x[t] @ cc.W_enc[j] + cc.b_enc[j]) for j in dead}
        ranked = sorted(dead, key=lambda j: float(f[j].detach() * norms[j]), reverse=True)[:k]
        rhat = sum(f[j] * cc.W_dec[j] for j in ranked)
        total = total + (r[t] - rhat).square().sum() / len(x)
        spread = spread + (r[t] - r.mean(dim=0)).square().sum() / len(x)
    return total / spread


@pytest.mark.parametrize("k", [1, 2, 5, 40])
def test_auxk_equals_its_formula_with_gradient(k: int) -> None:
    cc, x, residual, dead = (
        double(),
        batch(),
        randn(N, sum(WIDTHS), seed=5).double(),
        [1, 4, 7, 9, 20],
    )
    got = auxk(cc, x, residual, dead=torch.tensor(dead), k=k)
    expected = auxk_oracle(cc, x, residual, dead, k)
    torch.testing.assert_close(got, expected)
    for p in (cc.W_enc, cc.b_enc, cc.W_dec):
        mine, theirs = (torch.autograd.grad(v, p, retain_graph=True)[0] for v in (got, expected))
        torch.testing.assert_close(mine, theirs)


def test_auxk_moves_dead_latents_only() -> None:
    cc, x = double(), batch()
    residual = x - dense(cc, x, 3).xhat
    dead = torch.tensor([0, 3, 11])
    auxk(cc, x, residual, dead=dead, k=2).backward()  # type: ignore[no-untyped-call]
    alive = torch.ones(cc.d_sae, dtype=torch.bool)
    alive[dead] = False
    for p in (cc.W_enc, cc.W_dec):
        assert p.grad is not None
        assert (p.grad[dead].norm(dim=1) > 0).all()
        assert not p.grad[alive].any()
    assert cc.b_dec.grad is None


def test_auxk_of_a_residual_that_does_not_vary_is_zero_without_nan_gradients() -> None:
    cc, x = double(), batch()
    value = auxk(cc, x, torch.ones(N, sum(WIDTHS)).double(), dead=torch.tensor([2]), k=1)
    value.backward()  # type: ignore[no-untyped-call]
    assert value == 0
    assert cc.W_dec.grad is not None
    assert torch.isfinite(cc.W_dec.grad).all()


@pytest.mark.parametrize("source_weights", [(), (1.0, 3.0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_auxk_of_rows_that_are_all_but_equal_is_zero(
    dtype: torch.dtype, source_weights: tuple[float, ...]
) -> None:
    """What their mean leaves over is rounding; divided by that, the error was 1e14."""
    cc, eps = double().to(dtype), torch.finfo(dtype).eps
    row, noise = randn(1, sum(WIDTHS)), randn(600, sum(WIDTHS), seed=4)

    def loss(scatter: float) -> Tensor:
        r = (row + scatter * noise.double()).to(dtype)
        dead = torch.tensor([1, 2])
        return auxk(cc, r, r, dead=dead, k=2, source_weights=source_weights)

    for scatter in (0.0, eps, 100 * eps):
        value = loss(scatter)
        (gradient,) = torch.autograd.grad(value, [cc.W_dec])
        assert value == 0
        assert not gradient.any()
    assert 100 < float(loss(0.01).detach()) < 1e5


def test_auxk_that_explains_nothing_is_about_one_more_than_the_mean_left_over() -> None:
    cc, x = double(), batch()
    with torch.no_grad():
        cc.b_enc.fill_(-1e3)
    r = randn(N, sum(WIDTHS), seed=2).double()
    expected = r.square().sum() / (r - r.mean(dim=0)).square().sum()
    value = auxk(cc, x, r, dead=torch.tensor([0, 1]), k=2)
    assert math.isclose(float(value.detach()), float(expected))
