"""Checks of one pass in Triton's kernels: reconstruction, gradients, selected set, who uses it."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from training import make_crosscoder, randn
from triton_cases import CASES, D_SAE, SPARSITIES, WIDTHS, Case, K, N, gradients

from xc.train import Crosscoder
from xc.train.forward import Pass, dense
from xc.train.passes import choose, selecting_pass


def compare(
    device: str, *, case: Case, name: str, widths: tuple[int, ...] = WIDTHS, n: int = N
) -> None:
    """Reconstruction, gradients, selected set and what is told of it, in float64."""
    from xc.train.gpu.sparse import sparse  # noqa: PLC0415

    cc = make_crosscoder(widths, D_SAE, name=name).double().to(device)
    x = randn(n, sum(widths)).double().to(device)
    with torch.no_grad():
        case(cc, x)
    mine, reference = sparse(cc, x, K), dense(cc, x, K)
    torch.testing.assert_close(mine.xhat, reference.xhat)
    torch.testing.assert_close(mine.f_mean, reference.f_mean.detach())
    torch.testing.assert_close(mine.smallest, reference.smallest)
    assert torch.equal(mine.fired, reference.fired)
    assert mine.active == reference.active
    torch.testing.assert_close(gradients(cc, x, mine), gradients(cc, x, reference))


@contextmanager
def small_blocks() -> Iterator[None]:
    """Several blocks of latents, columns and pairs, where one would do."""
    from xc.train.gpu import launch  # noqa: PLC0415

    before = launch._LATENTS, launch._PAIRS, launch._COLUMNS
    launch._LATENTS, launch._PAIRS, launch._COLUMNS = 4, 2, 4
    yield
    launch._LATENTS, launch._PAIRS, launch._COLUMNS = before


def several_blocks(device: str, *, name: str) -> None:
    with small_blocks():
        compare(device, case=CASES["ties"], name=name)


def empty_batch(device: str, *, name: str) -> None:
    from xc.train.gpu.sparse import sparse  # noqa: PLC0415

    cc = make_crosscoder(WIDTHS, D_SAE, name=name).to(device)
    done = sparse(cc, torch.zeros(0, sum(WIDTHS), device=device), K)
    assert done.xhat.shape == (0, sum(WIDTHS))
    assert not done.fired.any()
    assert done.active == done.smallest == 0
    for gradient in torch.autograd.grad(done.xhat.sum(), list(cc.parameters())):
        assert not gradient.any()


def selected_set(device: str) -> None:
    """In float32, with many equal values, the very pairs of the reference."""
    from xc.train.gpu.selection import SELECT  # noqa: PLC0415

    pre = randn(5, 40).mul(2).round().div(2).to(device)
    weights = torch.rand(40, generator=torch.Generator().manual_seed(3)).mul(4).round().to(device)
    for name in SPARSITIES:
        select = make_crosscoder(name=name).activation.select
        assert select is not None
        for k in (1, 3, 17, 40, 41):
            for theta in (0.0, 1.0, 2.0, 100.0):
                threshold = torch.tensor(theta, device=device)
                pairs = SELECT[name](pre, weights, k, threshold)
                expected = select(pre, weights, k, threshold)
                flat = (pairs.row * 40 + pairs.latent).cpu().numpy()
                assert flat.tolist() == expected.flat.tolist()
                assert pairs.first.tolist() == [int((flat < 40 * i).sum()) for i in range(6)]


def same_bits(device: str) -> None:
    from xc.train.gpu.sparse import sparse  # noqa: PLC0415

    d_sae, n = (30, 6) if device == "cpu" else (2000, 4096)
    cc = make_crosscoder((40, 30), d_sae).to(device)
    x = randn(n, 70).to(device)
    once, again = sparse(cc, x, 4), sparse(cc, x, 4)
    assert torch.equal(once.xhat, again.xhat)
    assert torch.equal(once.f_mean, again.f_mean)
    for a, b in zip(gradients(cc, x, once), gradients(cc, x, again), strict=True):
        assert torch.equal(a, b)


def a_row_that_is_not_a_number(device: str) -> None:
    from xc.train.gpu.sparse import sparse  # noqa: PLC0415

    for name in SPARSITIES:
        cc = make_crosscoder(WIDTHS, D_SAE, name=name).to(device)
        x = randn(N, sum(WIDTHS)).to(device)
        x[2, 1] = torch.nan
        mine, reference = sparse(cc, x, K), dense(cc, x, K)
        assert mine.active == reference.active
        assert not torch.isfinite((x - mine.xhat).square().sum())


def refuses(device: str) -> None:
    """What selects nothing, it leaves to the dense pass."""
    from xc.train.gpu.sparse import sparse  # noqa: PLC0415

    for name in ("relu", "jumprelu"):
        cc = make_crosscoder(name=name).to(device)
        with pytest.raises(TypeError, match=f"{name} selects nothing; use the dense pass"):
            sparse(cc, torch.zeros(2, 12, device=device), 1)


def chosen(device: str) -> None:
    """Where few of many are kept on a CUDA device, if kernels run there."""
    from xc.train.gpu import probe  # noqa: PLC0415

    topk, cuda = make_crosscoder(name="topk").activation, torch.device("cuda")
    before, probe.runs_on = probe.runs_on, lambda device: True  # type: ignore[assignment]
    assert choose(topk, d_sae=640, k=10, device=cuda) is probe.sparse
    assert choose(topk, d_sae=639, k=10, device=cuda) is dense
    assert choose(topk, d_sae=640, k=10, device=cuda, decoupled=True) is dense
    probe.runs_on = lambda device: False  # type: ignore[assignment]
    assert selecting_pass(cuda, d_sae=640, k=10) is dense
    probe.runs_on = before


def tried_out(device: str) -> None:
    """Once, and a warning says why it is left."""
    from xc.train.gpu import probe  # noqa: PLC0415

    on, there = torch.device(device), torch.cuda.is_available
    shape, sparse = probe._SHAPE, probe.sparse
    probe._SHAPE = (7, 16) if device == "cpu" else shape  # type: ignore[assignment]
    torch.cuda.is_available = lambda: True
    said = []
    for forward in (sparse, _broken, partial(_wrong, sparse)):
        probe.runs_on.cache_clear()
        probe.sparse = forward  # type: ignore[assignment]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert probe.runs_on(on) is probe.runs_on(on) is (forward is sparse)
        said += [str(w.message) for w in caught]
    assert said == [
        f"no Triton on {device}, so training is slower ({why})"
        for why in ("Failed to find C compiler", "its result is wrong")
    ]
    probe.sparse, probe._SHAPE, torch.cuda.is_available = sparse, shape, there
    probe.runs_on.cache_clear()


def _broken(*args: Any) -> Pass:
    raise RuntimeError("Failed to find C compiler\nand more")


def _wrong(sparse: Any, cc: Crosscoder, x: Tensor, k: int) -> Pass:
    done: Pass = sparse(cc, x, k)
    return replace(done, xhat=done.xhat * 1.1)
