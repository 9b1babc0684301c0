"""The fused step against autograd's: reports, weights, moments, counters, in every architecture."""

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stepping import D_SAE, N, Side, assert_same_report, assert_same_state, batches, sides
from torch import Tensor
from training import WIDTHS, make_crosscoder, randn

from xc.train import Crosscoder, passes
from xc.train.activation_fns.jumprelu import JUMPRELU
from xc.train.forward import dense
from xc.train.fused import selection
from xc.train.fused.kernels import latents
from xc.train.fused.step import FusedStep
from xc.train.partition import plan_partition
from xc.train.passes import choose_step
from xc.train.step import take_step

F32, F64 = torch.float32, torch.float64
SPARSITIES = ("batch_topk", "topk", "l1", "none")


def compare(sides: tuple[Side, Side], xs: list[Tensor]) -> None:
    reference, fused = sides
    for x in xs:
        mine = fused.take(x)
        assert_same_report(mine, reference.take(x))
    atol = 1e-10 if xs[0].dtype == F64 else 3e-4
    assert_same_state(fused.state, reference.state, atol=atol)


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_several_steps_with_clipping(sparsity: str, dtype: torch.dtype) -> None:
    compare(sides(sparsity, dtype=dtype), batches(5, dtype=dtype))


@pytest.mark.parametrize("dtype", [F32, F64])
def test_after_a_step_without_room_it_goes_on(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That step is the reference's, which moves weights behind the back of what is derived."""
    both = sides(dtype=dtype)
    before, without, *after = batches(5, dtype=dtype)
    compare(both, [before])
    with monkeypatch.context() as patch:
        patch.setattr(selection, "_ROOM", 0)
        compare(both, [without])
    derived = both[1].step.derived  # type: ignore[attr-defined]
    assert not derived.holds(both[1].state.crosscoder)
    compare(both, after)


@pytest.mark.parametrize("sparsity", ["batch_topk", "l1"])
@pytest.mark.parametrize(
    "values",
    [
        {"reconstruction": "norm"},
        {"reconstruction": "mse", "source_weights": (0.5, 2.0)},
        {"reconstruction": "norm", "source_weights": (0.5, 2.0)},
        {"source_weights": (0.0, 2.0)},
        {"clip_norm": None},
        {"clip_norm": 0.01},
        {"lr_warmup_steps": 3},
        {"code_norm": "sae"},
        {"code_norm": "mixed"},
        {"code_norm": "none"},
    ],
)
def test_every_setting(sparsity: str, values: dict[str, Any]) -> None:
    compare(sides(sparsity, dtype=F64, **values), batches(4, dtype=F64))


@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("widths", [(9,), (6, 6), (4, 5, 6)])
def test_one_source_and_three(sparsity: str, widths: tuple[int, ...]) -> None:
    compare(sides(sparsity, widths=widths, dtype=F64), batches(3, widths=widths, dtype=F64))


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_partitions(sparsity: str) -> None:
    widths = (6, 6)
    groups = plan_partition(
        d_sae=D_SAE, widths=widths, shared_fraction=0.25, shared_penalty=0.15, exclusive=(0.1, 0.2)
    )
    both = sides(
        sparsity, widths=widths, dtype=F64, partition=groups, auxk_coeff=0.3, dead_after_tokens=N
    )
    compare(both, batches(4, widths=widths, dtype=F64))
    W_dec = both[1].state.crosscoder.W_dec
    assert torch.equal(W_dec[:16, :6], W_dec[:16, 6:])
    assert not W_dec[16:22, 6:].any()


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("sparsity", ["batch_topk", "topk", "l1"])
def test_dead_latents(sparsity: str, dtype: torch.dtype) -> None:
    both = sides(sparsity, dtype=dtype, auxk_coeff=0.5, auxk_k=4, dead_after_tokens=N)
    with torch.no_grad():
        for side in both:
            side.state.crosscoder.b_enc[5:9] = -1e3
            side.state.crosscoder.b_enc[9:20] -= 2
    compare(both, batches(4, dtype=dtype))
    assert both[1].state.tokens_since_fired[5] == 4 * N


@pytest.mark.parametrize("scatter", [0.0, 1e-6, 0.05])
def test_dead_latents_of_rows_that_are_all_but_equal(scatter: float) -> None:
    both = sides("topk", dtype=F32, auxk_coeff=0.5, auxk_k=4, dead_after_tokens=N)
    with torch.no_grad():
        for side in both:
            side.state.crosscoder.b_enc[5:9] = -1e3
    row, noise = randn(1, sum(WIDTHS)), randn(N, sum(WIDTHS), seed=2)
    xs = [row + scatter * noise] * 3
    losses = [float(both[1].take(x).parts["auxk"]) for x in xs]
    expected = [float(both[0].take(x).parts["auxk"]) for x in xs]
    assert losses == pytest.approx(expected, rel=1e-3)
    assert all(loss > 1 for loss in losses) if scatter > 1e-3 else losses == [0.0] * 3


def none_positive(cc: Crosscoder, x: Tensor) -> None:
    cc.b_enc.fill_(-1e3)


def few_positive(cc: Crosscoder, x: Tensor) -> None:
    cc.b_enc[2:] = -1e3


def ties(cc: Crosscoder, x: Tensor) -> None:
    cc.W_enc[7:50] = cc.W_enc[7]
    cc.b_enc[7:50] = cc.b_enc[7]
    cc.W_dec[7:50] = cc.W_dec[7]


def equal_rows(cc: Crosscoder, x: Tensor) -> None:
    x[:] = x[0]


def zero_input(cc: Crosscoder, x: Tensor) -> None:
    x.zero_()
    cc.b_enc.zero_()


def zero_norms(cc: Crosscoder, x: Tensor) -> None:
    cc.W_dec[:10] = 0


def one_active(cc: Crosscoder, x: Tensor) -> None:
    cc.b_enc.fill_(-1e3)
    cc.b_enc[3] = 1e3


def perfect(cc: Crosscoder, x: Tensor) -> None:
    cc.b_enc.fill_(-1e3)
    x[:] = cc.b_dec


@pytest.mark.parametrize("sparsity", ["batch_topk", "topk", "l1"])
@pytest.mark.parametrize(
    "case",
    [none_positive, few_positive, ties, equal_rows, zero_input, zero_norms, one_active, perfect],
)
def test_edges(case, sparsity: str) -> None:  # type: ignore[no-untyped-def]
    # The dead-latent loss of equal rows divides by a variance that is rounding alone.
    values = {"auxk_coeff": 0.0 if case is equal_rows else 0.5, "dead_after_tokens": N}
    both = sides(sparsity, dtype=F64, reconstruction="norm", **values)
    xs = batches(2, dtype=F64)
    with torch.no_grad():
        for side in both:
            case(side.state.crosscoder, xs[0])
    compare(both, xs)


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_a_row_that_is_not_finite_changes_nothing(sparsity: str) -> None:
    both = sides(sparsity, dtype=F32)
    xs = batches(2, dtype=F32)
    compare(both, xs[:1])
    before = {k: v.clone() for k, v in both[1].state.crosscoder.state_dict().items()}
    for value in ("nan", "inf"):
        x = xs[1].clone()
        x[3, 2] = float(value)
        assert not math.isfinite(both[1].take(x).loss)
    for name, tensor in both[1].state.crosscoder.state_dict().items():
        assert torch.equal(tensor, before[name])
    compare(both, xs[1:])


@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("name", ["W_enc", "b_enc", "W_dec", "b_dec"])
def test_a_weight_that_is_not_finite_is_seen_as_by_autograd(sparsity: str, name: str) -> None:
    reports = []
    for side in sides(sparsity, dtype=F32):
        with torch.no_grad():
            getattr(side.state.crosscoder, name).view(-1)[4] = float("inf")
        reports.append(side.take(batches(1, dtype=F32)[0]))
    assert math.isfinite(reports[1].loss) == math.isfinite(reports[0].loss)
    assert reports[1].active == reports[0].active


def test_weights_that_others_changed_are_noticed() -> None:
    both = sides(dtype=F32)
    xs = batches(3, dtype=F32)
    compare(both, xs[:2])
    with torch.no_grad():
        for side in both:
            side.state.crosscoder.W_enc[7] *= 3
            side.state.crosscoder.W_dec[9] *= 3
    compare(both, xs[2:])


def test_k_of_the_step_is_used() -> None:
    both = sides(dtype=F32, k=2, k_start=4, k_anneal_steps=2)
    assert [both[1].take(x).active for x in batches(3, dtype=F32)] == [4 * N, 3 * N, 2 * N]


def test_threads_change_nothing() -> None:
    states = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        _, fused = sides(dtype=F32, auxk_coeff=0.0)
        torch.set_num_threads(1)  # of products; the loops keep their threads
        for x in batches(3, dtype=F32):
            fused.take(x)
        states.append(fused.state.crosscoder.state_dict())
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name])


def test_moments_do_not_become_denormal() -> None:
    _, fused = sides("topk", dtype=F32, auxk_coeff=0.0)
    fused.take(batches(1, dtype=F32)[0])
    cc = fused.state.crosscoder
    with torch.no_grad():
        cc.b_enc[5] = -1e3
    mean = fused.state.optimiser.state[cc.W_enc]["exp_avg"]
    mean[5] = 1.05e-30
    fused.take(batches(2, dtype=F32)[1])
    assert not mean[5].any()


def test_compiled_code_is_kept_for_the_next_process() -> None:
    _, fused = sides(dtype=F32)
    fused.take(batches(1, dtype=F32)[0])
    folder = Path(latents.update.stats.cache_path)  # type: ignore[attr-defined]
    assert list(folder.glob("latents.update-*.nbc"))


def large(name: str = "batch_topk", widths: tuple[int, ...] = (300, 212)) -> Crosscoder:
    return make_crosscoder(widths, 2048, name=name)


def test_which_step_a_run_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = sides(dtype=F32)[0].settings
    by_size = {name: choose_step(large(name), settings) for name in ("batch_topk", "topk")}
    assert all(isinstance(step, FusedStep) for step in by_size.values())
    assert choose_step(make_crosscoder(), settings) is take_step
    linear = replace(settings, forward=dense)
    assert choose_step(large(), linear) is take_step
    assert isinstance(choose_step(large("relu"), linear), FusedStep)
    assert choose_step(large(JUMPRELU.name), replace(linear, tanh_scale=4.0)) is take_step
    monkeypatch.delitem(sys.modules, "xc.train.fused.step")
    monkeypatch.setitem(sys.modules, "numba", None)
    for module in [m for m in sys.modules if m.startswith("xc.train.fused.")]:
        monkeypatch.delitem(sys.modules, module)
    assert passes.choose_step(large(), settings) is take_step


def test_a_large_batch() -> None:
    """Enough latents and rows for blocks, slots and several ranges of each thread."""
    both = sides("batch_topk", widths=(300, 212), d_sae=2048, k=16, dtype=F32, auxk_coeff=0.0)
    x = randn(70, 512)
    assert_same_report(both[1].take(x), both[0].take(x), atol=2e-3)
    for p, q in zip(*(side.state.crosscoder.parameters() for side in both), strict=True):
        assert (p - q).abs().mean() < 1e-6
