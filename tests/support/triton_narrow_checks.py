"""Checks of the search for candidates by a bfloat16 product in Triton's kernels."""

from typing import Any

import torch
from training import make_crosscoder, randn
from triton_cases import CASES, Case, N, few_positive, gradients

from xc.train.forward import dense


class Narrowing:
    """A crosscoder, rows with a mean, and what the kernels' own float32 makes of all pairs."""

    def __init__(self, device: str, case: Case = CASES["random"], d_sae: int = 24) -> None:
        from xc.train.gpu import launch, narrow  # noqa: PLC0415

        self.cc = make_crosscoder((12, 9), d_sae).to(device)
        self.x, self.k, n = randn(N, 21).add(0.5).to(device), 3, N
        self.narrow = narrow
        with torch.no_grad():
            case(self.cc, self.x)
            self.weights = self.cc.code_weights()
            latent = torch.arange(d_sae, device=device).repeat(n)
            first = torch.arange(n + 1, device=device) * d_sae
            f = launch.dot_rows(self.x, self.cc.W_enc.detach(), latent, first)
            self.pre = (f + self.cc.b_enc.detach()[latent]).view(n, d_sae)
        select = self.cc.activation.select
        assert select is not None
        self.expected = select(self.pre, self.weights, self.k, torch.zeros(()))

    @torch.no_grad()
    def pairs(self, theta: float) -> Any:
        self.cc.threshold.fill_(theta)
        return self.narrow.batch_topk(self.cc, self.x, self.weights, self.k)

    def same(self, pairs: Any) -> None:
        """The reference's set, and the values of float32 to the last bit."""
        flat = pairs.row * self.cc.d_sae + pairs.latent
        assert flat.tolist() == self.expected.flat.tolist()
        assert torch.equal(pairs.f, self.pre.flatten()[flat])


@torch.no_grad()
def narrow_bounds(device: str) -> None:
    """Every value lies within them."""
    from xc.train.gpu import launch  # noqa: PLC0415

    all_of = Narrowing(device)
    n, d_sae = all_of.pre.shape
    bounds = all_of.narrow._bounds(all_of.cc, all_of.x, all_of.weights)
    level = torch.full((n,), -1e9, device=device)
    first = torch.arange(n + 1, device=device) * d_sae
    latent, low, high = launch.list_bounded(bounds, level, first, total=n * d_sae)
    assert latent.tolist() == list(range(d_sae)) * n
    cc = all_of.cc.double()
    v = cc.pre_activations(all_of.x.double()) * all_of.weights
    assert bool((low <= v.flatten()).all())
    assert bool((v.flatten() <= high).all())
    assert float((high - low).mean() / v.abs().mean()) < 0.1


def narrow_set(device: str, *, case: Case) -> None:
    """From any θ that is of use; else it is left to the wide product."""
    of = Narrowing(device, case)
    least = float(of.expected.v.min())
    for share in (0.8, 1.05):
        of.same(of.pairs(share * least))
    assert of.pairs(0.0) is None
    assert of.pairs(2 * float(of.expected.v.max())) is None


def narrow_too_few(device: str) -> None:
    of = Narrowing(device, few_positive)
    assert of.pairs(0.1) is None


def narrow_pass(device: str) -> None:
    """The whole pass that way, in float32, beside the dense one."""
    from xc.train.gpu import sparse as gpu  # noqa: PLC0415

    of = Narrowing(device)
    of.cc.threshold.fill_(float(of.expected.v.min()))
    before, wide = of.narrow.narrows, gpu._wide
    assert of.narrow.narrows(torch.device("cpu"), torch.float32) is False
    of.narrow.narrows, gpu._wide = lambda *_: True, None  # type: ignore[assignment]
    mine = gpu.sparse(of.cc, of.x, of.k)
    of.narrow.narrows, gpu._wide = before, wide
    reference = dense(of.cc, of.x, of.k)
    assert mine.active == reference.active
    assert torch.equal(mine.fired, reference.fired)
    torch.testing.assert_close(mine.xhat, reference.xhat, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        gradients(of.cc, of.x, mine), gradients(of.cc, of.x, reference), atol=1e-3, rtol=1e-3
    )
