"""Checks of the pass in Triton's kernels against the dense one, run in a process of their own.

    python triton_checks.py cpu|cuda|compiled

`cpu` is Triton's interpreter, which it takes only where TRITON_INTERPRET=1 was set before its
import; `cuda` is a card; `compiled` makes every kernel for cards that need not be there. Prints a
JSON object: the traceback of each check by name, or null where it passed.
"""

import json
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from training import make_crosscoder, randn

from xc.train import Crosscoder, TrainConfig
from xc.train.distributed import ALONE
from xc.train.forward import Pass, dense
from xc.train.partition import plan_partition
from xc.train.passes import choose, selecting_pass
from xc.train.schedules import schedule_of
from xc.train.state import TrainState, new_state
from xc.train.step import Settings, take_step
from xc.train.step_in_parts import Parts, take_step_in_parts

N, D_SAE, K = 6, 13, 2
"""As small as can be: the interpreter takes a hundredth of a second for each program."""
WIDTHS = (3, 4)
SPARSITIES = ("batch_topk", "topk")
Case = Callable[[Crosscoder, Tensor], Any]
Check = Callable[[str], None]
"""Device -> None, or an error."""


def ties(cc: Crosscoder, x: Tensor) -> None:
    for weights in (cc.W_enc, cc.b_enc, cc.W_dec):
        weights[4:12] = weights[4]


def equal_rows(cc: Crosscoder, x: Tensor) -> None:
    x[:] = x[0]


def zero_input(cc: Crosscoder, x: Tensor) -> None:
    x.zero_()
    cc.b_enc.zero_()


def few_positive(cc: Crosscoder, x: Tensor) -> None:
    cc.b_enc[2:] = -1e3


CASES: dict[str, Case] = {
    "random": lambda cc, x: None,
    "ties": ties,
    "equal rows": equal_rows,
    "zeros": zero_input,
    "fewer positives than are to be kept": few_positive,
    "none positive": lambda cc, x: cc.b_enc.fill_(-1e3),
    "decoder rows of zeros": lambda cc, x: cc.W_dec[:6].zero_(),
    "θ far above": lambda cc, x: cc.threshold.fill_(1e6),
    "θ far below": lambda cc, x: cc.threshold.fill_(1e-6),
    "θ of that very batch": lambda cc, x: cc.threshold.fill_(dense(cc, x, K).smallest),
}


def gradients(cc: Crosscoder, x: Tensor, done: Pass) -> list[Tensor]:
    loss = (x - done.xhat).norm(dim=1).mean() + done.xhat.square().mean()
    return list(torch.autograd.grad(loss, list(cc.parameters())))


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


def sides(
    device: str, sparsity: str, widths: tuple[int, ...] = (4, 4), **values: Any
) -> list[tuple[TrainState, Settings]]:
    """The same start twice, for the dense pass and for that in kernels."""
    from xc.train.gpu.sparse import sparse  # noqa: PLC0415

    base = {
        "sparsity": sparsity, "d_sae": D_SAE, "k": K, "tokens": 99 * N, "batch_size": N, "lr": 0.01,
        "auxk_coeff": 0.5, "auxk_k": 3, "dead_after_tokens": N,
    }  # fmt: skip
    config = TrainConfig.resolve({**base, **values})
    groups = plan_partition(
        d_sae=D_SAE, widths=widths, shared_fraction=0.25, shared_penalty=0.15, exclusive=(0.1, 0.2)
    )
    made = []
    for forward in (dense, sparse):
        cc = make_crosscoder(widths, D_SAE, name=sparsity, partition=groups)
        cc.partition.impose(cc.W_enc, cc.W_dec)
        state = new_state(cc.double().to(device), schedule_of(config, lr=0.01), torch.Generator())
        made.append((state, Settings.of(config, forward=forward, widths=cc.widths)))
    return made


def same_state(mine: TrainState, reference: TrainState) -> None:
    assert torch.equal(mine.tokens_since_fired, reference.tokens_since_fired)
    torch.testing.assert_close(mine.crosscoder.threshold, reference.crosscoder.threshold)
    each = zip(mine.crosscoder.parameters(), reference.crosscoder.parameters(), strict=True)
    for p, q in each:
        torch.testing.assert_close(p, q)
        held, other = mine.optimiser.state[p], reference.optimiser.state[q]
        for moment in other:
            torch.testing.assert_close(held[moment], other[moment])


def steps(device: str, *, name: str, case: Case) -> None:
    """Whole steps: dead latents, partitions, clipping, Adam, θ."""
    (a, dense_settings), (b, mine) = sides(device, name, clip_norm=0.5)
    with torch.no_grad():
        case(a.crosscoder, torch.zeros(0))
        case(b.crosscoder, torch.zeros(0))
    for i in range(2):
        x = randn(N, 8, seed=i).double().to(device)
        reference, done = take_step(a, x, dense_settings), take_step(b, x, mine)
        assert done.active == reference.active
        torch.testing.assert_close(done.loss, reference.loss)
        torch.testing.assert_close(done.parts, reference.parts)
    same_state(b, a)


def dead_latents(cc: Crosscoder, x: Tensor) -> None:
    cc.b_enc[5:9] = -1e3


def all_dead(cc: Crosscoder, x: Tensor) -> None:
    cc.b_enc.fill_(-1e3)


def in_parts(device: str) -> None:
    """A batch in two parts: what is kept is told from outside."""
    (a, settings), (b, mine) = sides(device, "batch_topk")
    for i in range(2):
        x = randn(N, 8, seed=i).double().to(device)
        reference = take_step(a, x, settings)
        done = take_step_in_parts(b, x, mine, Parts(ALONE, 2, mine.forward))  # type: ignore[arg-type]
        assert done.active == reference.active
        torch.testing.assert_close(done.loss, reference.loss)
    same_state(b, a)


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


def a_latent_that_is_not_a_number(cc: Crosscoder, x: Tensor) -> None:
    cc.W_enc[3, 2] = torch.nan


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


CHECKS: dict[str, Check] = {
    **{
        f"{name}: {case}": partial(compare, case=CASES[case], name=name)
        for name in SPARSITIES
        for case in CASES
        if name == "batch_topk" or "θ" not in case
    },
    **{
        f"sources {widths} wide": partial(compare, case=ties, name="batch_topk", widths=widths)
        for widths in ((9,), (3, 3), (3, 4, 5))
    },
    "one row": partial(compare, case=CASES["random"], name="batch_topk", n=1),
    **{f"{name}: several blocks": partial(several_blocks, name=name) for name in SPARSITIES},
    **{f"{name}: empty batch": partial(empty_batch, name=name) for name in SPARSITIES},
    **{
        f"{name}: steps, {title}": partial(steps, name=name, case=case)
        for name in SPARSITIES
        for title, case in (("some dead", dead_latents), ("all dead", all_dead))
    },
    "in parts": in_parts,
    "selected set": selected_set,
    "same bits": same_bits,
    "a row that is not a number": a_row_that_is_not_a_number,
    "narrow: bounds": narrow_bounds,
    "narrow: random": partial(narrow_set, case=CASES["random"]),
    "narrow: ties": partial(narrow_set, case=ties),
    "narrow: NaN": partial(narrow_set, case=a_latent_that_is_not_a_number),
    "narrow: too few": narrow_too_few,
    "narrow: whole pass": narrow_pass,
    "refuses": refuses,
    "chosen": chosen,
    "tried out": tried_out,
}

TYPES = {
    "counts": "*i32", "sure": "*i32", "likely": "*i32", "first": "*i64", "latents": "*i64",
    "index": "*i64", "narrow": "*bf16", "d_sae": "i32", "width": "i32",
}  # fmt: skip
"""Of kernels' arguments; all others point to float32."""
BLOCKS = {"BLOCK": 1024, "PAIRS": 16, "COLUMNS": 128, "ROUNDING": 2.0**-8}
KERNELS = (
    "count_reaching", "list_reaching", "narrow_rows", "count_bounded", "list_bounded", "sum_rows",
    "sum_each", "dot_rows",
)  # fmt: skip


def compile_kernel(capability: str, *, name: str) -> None:
    """For a card that need not be there, down to its machine code."""
    import triton  # noqa: PLC0415
    from triton.backends.compiler import GPUTarget  # noqa: PLC0415
    from triton.compiler import ASTSource  # noqa: PLC0415

    from xc.train.gpu import kernels  # noqa: PLC0415

    kernel = getattr(kernels, name)
    blocks = {a: BLOCKS[a] for a in kernel.arg_names if a in BLOCKS}
    types = {a: TYPES.get(a, "*fp32") for a in kernel.arg_names}
    types |= dict.fromkeys(blocks, "constexpr")
    if name.endswith("bounded"):
        types["pre"] = "*bf16"
    made = triton.compile(
        ASTSource(kernel, types, blocks),
        target=GPUTarget("cuda", int(capability), 32),
        options={"enable_fp_fusion": True},
    )
    assert made.asm["cubin"]


COMPILED: dict[str, Callable[[], None]] = {
    f"{name} for {capability}": partial(compile_kernel, capability, name=name)
    for name in KERNELS
    for capability in ("80", "90")
}


def outcome(check: Callable[[], None]) -> str | None:
    """None, or what went wrong."""
    try:
        check()
    except Exception:
        return traceback.format_exc()
    return None


def main(how: str) -> None:
    torch.set_num_threads(1)
    checks = COMPILED if how == "compiled" else {n: partial(c, how) for n, c in CHECKS.items()}
    print(json.dumps({name: outcome(check) for name, check in checks.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
