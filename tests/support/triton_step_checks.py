"""Checks of whole training steps in Triton's kernels beside those of the dense pass."""

from typing import Any

import torch
from training import make_crosscoder, randn
from triton_cases import D_SAE, Case, K, N

from xc.train import TrainConfig
from xc.train.distributed import ALONE
from xc.train.forward import dense
from xc.train.partition import plan_partition
from xc.train.schedules import schedule_of
from xc.train.state import TrainState, new_state
from xc.train.step import Settings, take_step
from xc.train.step_in_parts import Parts, take_step_in_parts


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
