"""The sparse pass against the dense one: loss, gradients, selected set, in float64 and in runs."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from training import WIDTHS, make_crosscoder, randn, short, tree

from xc.store_schema import ActivationStore, RunLayout, Silent
from xc.train import Crosscoder, train, trainer
from xc.train.activation_fns import ACTIVATION_FNS
from xc.train.forward import Pass, dense
from xc.train.forward_sparse import sparse
from xc.train.passes import choose

N = 20


def ties(cc: Crosscoder, x: Tensor) -> None:
    cc.W_enc[7:12] = cc.W_enc[7]
    cc.b_enc[7:12] = cc.b_enc[7]
    cc.W_dec[7:12] = cc.W_dec[7]


def equal_rows(cc: Crosscoder, x: Tensor) -> None:
    x[:] = x[0]


def zero_input(cc: Crosscoder, x: Tensor) -> None:
    x.zero_()
    cc.b_enc.zero_()


def few_positive(cc: Crosscoder, x: Tensor) -> None:
    cc.b_enc[2:] = -1e3


def none_positive(cc: Crosscoder, x: Tensor) -> None:
    cc.b_enc.fill_(-1e3)


def zero_norms(cc: Crosscoder, x: Tensor) -> None:
    cc.W_dec[:10] = 0


def high_threshold(cc: Crosscoder, x: Tensor) -> None:
    cc.threshold.fill_(1e6)


def nothing(cc: Crosscoder, x: Tensor) -> None:
    pass


def gradients(cc: Crosscoder, x: Tensor, done: Pass) -> list[Tensor]:
    loss = (x - done.xhat).norm(dim=1).mean() + done.xhat.square().mean()
    return list(torch.autograd.grad(loss, list(cc.parameters())))


@pytest.mark.parametrize("widths", [WIDTHS, (6, 6), (4, 5, 6)])
@pytest.mark.parametrize(
    "case",
    [
        nothing,
        ties,
        equal_rows,
        zero_input,
        few_positive,
        none_positive,
        zero_norms,
        high_threshold,
    ],
)
def test_equal_in_value_gradient_and_selection(case, widths: tuple[int, ...]) -> None:  # type: ignore[no-untyped-def]
    cc = make_crosscoder(widths).double()
    x = randn(N, sum(widths)).double()
    with torch.no_grad():
        case(cc, x)
    a, b = dense(cc, x, 3), sparse(cc, x, 3)
    torch.testing.assert_close(b.xhat, a.xhat)
    torch.testing.assert_close(b.f_mean, a.f_mean.detach())
    assert b.smallest == pytest.approx(a.smallest)
    assert torch.equal(b.fired, a.fired)
    assert b.active == a.active
    for mine, reference in zip(gradients(cc, x, b), gradients(cc, x, a), strict=True):
        torch.testing.assert_close(mine, reference)


def test_an_empty_batch() -> None:
    cc = make_crosscoder()
    done = sparse(cc, torch.zeros(0, sum(WIDTHS)), 3)
    assert done.xhat.shape == (0, sum(WIDTHS))
    assert not done.fired.any()


def test_the_sparse_gradient_is_the_numerical_one() -> None:
    cc, x = make_crosscoder().double(), randn(6, sum(WIDTHS)).double()

    def loss(W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
        weights = {"W_enc": W_enc, "b_enc": b_enc, "W_dec": W_dec, "b_dec": b_dec}
        return torch.func.functional_call(
            _Through(cc), {f"cc.{k}": v for k, v in weights.items()}, x
        )

    inputs = [p.detach().clone().requires_grad_() for p in cc.parameters()]
    assert torch.autograd.gradcheck(loss, inputs, eps=1e-7, atol=1e-5)


class _Through(torch.nn.Module):
    """The reconstruction of a batch as a function of the weights."""

    def __init__(self, cc: Crosscoder) -> None:
        super().__init__()
        self.cc = cc

    def forward(self, x: Tensor) -> Tensor:
        return sparse(self.cc, x, 3).xhat


def test_whole_runs_agree(
    store: ActivationStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = {}
    for forward in (dense, sparse):
        monkeypatch.setattr(trainer, "choose", lambda *a, forward=forward, **k: forward)
        layout = RunLayout(tmp_path / forward.__name__)
        report = train(short(tokens=100 * 64), store=store, run=layout, progress=Silent())
        lines[forward] = report
        assert tree(layout.root)
    assert lines[dense].l0 == pytest.approx(lines[sparse].l0, rel=0.02)
    for name in "ab":
        assert lines[dense].fve[name] == pytest.approx(lines[sparse].fve[name], abs=2e-3)


def test_which_pass_a_run_takes() -> None:
    cpu, topk = torch.device("cpu"), ACTIVATION_FNS["batch_topk"]
    assert choose(topk, d_sae=512, k=64, device=cpu) is sparse
    assert choose(topk, d_sae=511, k=64, device=cpu) is dense
    assert choose(topk, d_sae=512, k=64, device=torch.device("cuda")) is dense
    assert choose(ACTIVATION_FNS["relu"], d_sae=512, k=1, device=cpu) is dense
    with pytest.raises(TypeError, match="selects nothing"):
        sparse(make_crosscoder(name="relu"), torch.zeros(2, sum(WIDTHS)), 1)
