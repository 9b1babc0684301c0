"""What the fused step keeps, beside the arrays that one has kept after a step."""

from typing import Any

import pytest
import torch
from stepping import sides
from training import randn

from xc.cli.plan_fused import fused_bytes, takes_fused_step
from xc.cli.plan_training import memory_of
from xc.train import TrainConfig
from xc.train.fused.step import FusedStep

D_SAE, WIDTHS, N = 4096, (128, 128), 64


def config(**values: Any) -> TrainConfig:
    base = {"d_sae": D_SAE, "k": 32, "batch_size": N, "tokens": 10 * N, "device": "cpu"}
    return TrainConfig.resolve({**base, **values})


@pytest.mark.parametrize("sparsity", ["batch_topk", "l1"])
def test_it_is_what_a_step_keeps(sparsity: str) -> None:
    _, fused = sides(sparsity, widths=WIDTHS, d_sae=D_SAE, batch_size=N, k=32)
    assert isinstance(fused.step, FusedStep)
    fused.take(randn(N, sum(WIDTHS)))
    held = fused.step.memory._held.values()
    kept = sum(array.numel() * array.element_size() for array in held)
    expected = fused_bytes(config(sparsity=sparsity), D_SAE, WIDTHS) - 2 * D_SAE * sum(WIDTHS)
    if fused.step.derived.narrowed is None and sparsity == "batch_topk":  # an older processor
        expected += 2 * N * D_SAE
    assert kept == pytest.approx(expected, rel=0.15)


def test_sizes_of_a_common_run() -> None:
    """16,384 latents over two sources 768 wide, 1,024 tokens a step: 89 MB, and 392 MB for L1."""
    widths = (768, 768)
    common = {"d_sae": 16384, "batch_size": 1024, "tokens": 10_240}
    assert fused_bytes(config(**common), 16384, widths) == pytest.approx(88.6e6, rel=0.01)
    l1 = config(**common, sparsity="l1")
    assert fused_bytes(l1, 16384, widths) == pytest.approx(392e6, rel=0.01)
    autograd = config(**common, sparsity="l1", grad_accumulation=2)
    both = [memory_of([c], [widths], store_rows=1000, taken=0) for c in (l1, autograd)]
    assert both[0] - both[1] == fused_bytes(l1, 16384, widths)


@pytest.mark.parametrize(
    "values",
    [
        {"sparsity": "jumprelu"},
        {"code_norm": "decoupled"},
        {"matryoshka": (8,)},
        {"k": 4096},
        {"grad_accumulation": 2},
        {"device": "cuda"},
    ],
)
def test_what_autograd_trains_keeps_nothing(values: dict[str, Any]) -> None:
    assert fused_bytes(config(**values), D_SAE, WIDTHS) == 0


def test_few_weights_are_not_worth_compiling() -> None:
    assert not takes_fused_step(config(), D_SAE, (16, 16))
    assert takes_fused_step(config(device="auto"), D_SAE, WIDTHS) != torch.cuda.is_available()
