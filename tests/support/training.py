"""Helpers of the trainer's tests: small crosscoders, masked stores, short configurations."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr

from xc.store_schema import ActivationStore, CheckpointSource
from xc.train import Crosscoder, TrainConfig
from xc.train.initial import initialise

WIDTHS = (5, 7)


def source(i: int, width: int) -> CheckpointSource:
    return CheckpointSource(f"m{i}@1", f"m{i}", None, 1, "residual", width)


def make_crosscoder(
    widths: tuple[int, ...] = WIDTHS,
    d_sae: int = 24,
    *,
    name: str = "batch_topk",
    seed: int = 0,
    **kwargs: Any,
) -> Crosscoder:
    """A crosscoder with random weights in every tensor."""
    fn: dict[str, Any] = {"name": name} | ({"k": 3} if name == "batch_topk" else {})
    cc = Crosscoder([source(i, w) for i, w in enumerate(widths)], d_sae, activation_fn=fn, **kwargs)
    generator = torch.Generator().manual_seed(seed)
    initialise(cc, norm=1.0, same=False, generator=generator)
    with torch.no_grad():
        for parameter in cc.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)
        cc.threshold.fill_(0.7)
    return cc


def randn(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def mask_rows(store: ActivationStore, mask: np.ndarray) -> None:
    """Overwrite the store's mask."""
    array = zarr.open_group(store.path, mode="r+")["rows/mask"]
    array.with_config({"write_empty_chunks": True})[:] = mask  # type: ignore[union-attr]


def short(**values: Any) -> TrainConfig:
    """A run of 24 steps on the CPU."""
    base = {
        "d_sae": 40, "k": 4, "tokens": 24 * 64, "batch_size": 64, "device": "cpu", "log_every": 3,
        "validate_every": 8, "save_every": 5, "validation_rows": 100, "dead_after_tokens": 256,
    }  # fmt: skip
    return TrainConfig.resolve({**base, **values})


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder, by name."""
    return {
        str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()
    }
