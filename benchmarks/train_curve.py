"""Losses over many steps on real activations: the fused step beside the dense reference.

The embedded models' residual streams are harvested by `xc harvest`; every contender starts from the
same weights and sees the same batches. Means over 50 steps are compared. Trainings part at the
first pair at the edge of the selection that rounding decides otherwise; how far, the null control
says: the dense reference again, from weights moved by a ten-millionth, and the fused step likewise.
In float64 the tests find the losses equal.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xc.store_schema import ActivationStore, CheckpointSource
from xc.train import Crosscoder, ShuffledStream, StreamPosition, TrainConfig
from xc.train.forward import dense
from xc.train.forward_sparse import sparse
from xc.train.fused.step import FusedStep
from xc.train.initial import centre_decoder_bias, initialise
from xc.train.normalisation import prepare, scales_of
from xc.train.passes import Step
from xc.train.schedules import schedule_of
from xc.train.state import TrainState, new_state
from xc.train.step import Settings, take_step

MODELS, LAYERS = ("zoo:base", "zoo:distilled"), "2,1"
D_SAE, K, BATCH, TOKENS = 2048, 32, 1024, 400_000
MEAN_OVER = 50
NUDGE = 1e-7
NULLS = 3
"""References, and fused trainings, that start from weights moved by `NUDGE` of themselves."""


class Contender:
    """One training, its step, and the losses so far."""

    def __init__(self, store: ActivationStore, config: TrainConfig, *, forward: Any) -> None:
        keys = store.tuples[0]
        sources = [
            CheckpointSource(s.key, s.model, None, s.layer, s.site, s.d_model)
            for s in map(store.source, keys)
        ]
        name = "relu" if config.sparsity == "l1" else "batch_topk"
        scale = scales_of(store, keys, normalisation="mean_norm", centred=False)
        self.crosscoder = Crosscoder(sources, D_SAE, activation_fn={"name": name}, scale=scale)
        generator = torch.Generator().manual_seed(0)
        initialise(self.crosscoder, norm=0.08, same=False, generator=generator)
        lr = 4e-4 * (16384 / D_SAE) ** 0.5
        self.state: TrainState = new_state(
            self.crosscoder, schedule_of(config, lr=lr), torch.Generator()
        )
        self.settings = Settings.of(config, forward=forward, widths=self.crosscoder.widths)
        self.step: Step = take_step
        self.losses: list[float] = []

    @torch.no_grad()
    def nudge(self, seed: int) -> "Contender":
        """Move every weight of the encoder by up to `NUDGE` of itself."""
        W_enc = self.crosscoder.W_enc
        noise = torch.rand(W_enc.shape, generator=torch.Generator().manual_seed(seed))
        W_enc.mul_(1 + NUDGE * (2 * noise - 1))
        return self

    def fused(self) -> "Contender":
        """Take the fused step."""
        self.step = FusedStep(self.crosscoder)
        return self

    def take(self, x: torch.Tensor) -> None:
        if not self.losses:
            centre_decoder_bias(self.crosscoder, x)
        report = self.step(self.state, x, self.settings)
        self.losses.append(report.loss)


def measure_curves(*, steps: int) -> dict[str, Any]:
    """Loss curves of BatchTopK and L1."""
    with tempfile.TemporaryDirectory() as folder:
        store = harvest(Path(folder) / "acts.zarr")
        runs = {sparsity: measure(store, sparsity, steps) for sparsity in ("batch_topk", "l1")}
    return {
        "activations": f"{' and '.join(MODELS)}, layers {LAYERS}, zoo:stdlib",
        "shape": {"batch": BATCH, "d_sae": D_SAE, "k": K},
        "steps": steps,
        "mean_over_steps": MEAN_OVER,
        "runs": runs,
    }


def harvest(path: Path) -> ActivationStore:
    """Real activations, by the command."""
    xc = Path(sys.executable).with_name("xc")
    command = [str(xc), "harvest", *MODELS, "--layer", LAYERS, "--tokens", str(TOKENS)]
    subprocess.run([*command, "--store", str(path)], check=True)
    return ActivationStore.open(path)


def measure(store: ActivationStore, sparsity: str, steps: int) -> dict[str, Any]:
    """Train all contenders side by side."""
    config = TrainConfig.resolve(
        {"sparsity": sparsity, "d_sae": D_SAE, "k": K, "tokens": steps * BATCH}
    )
    contenders = {"dense pass": Contender(store, config, forward=dense)}
    if sparsity != "l1":
        contenders["sparse pass"] = Contender(store, config, forward=sparse)
        for i in range(NULLS):
            null = Contender(store, config, forward=dense).nudge(seed=i)
            contenders[f"dense pass, nudged {i + 1}"] = null
    contenders["fused"] = Contender(store, config, forward=dense).fused()
    for i in range(NULLS if sparsity != "l1" else 0):
        contenders[f"fused, nudged {i + 1}"] = (
            Contender(store, config, forward=dense).nudge(seed=i).fused()
        )
    keys = store.tuples[0]
    with ShuffledStream(store, keys, seed=0, window_bytes=2**30) as stream:
        position = StreamPosition()
        for _ in range(steps):
            batch, position = stream.batch(position, BATCH)
            x = prepare(contenders["fused"].crosscoder, batch.parts)
            for contender in contenders.values():
                contender.take(x)
    curves = {name: pooled(c.losses) for name, c in contenders.items()}
    reference = curves.pop("dense pass")
    apart = {name: float(np.abs(c / reference - 1).max()) for name, c in curves.items()}
    curves = {"dense pass": reference, **curves}
    return {
        "final_loss": {name: float(c[-1]) for name, c in curves.items()},
        "largest_relative_difference": apart,
        "loss": {name: [round(float(v), 5) for v in c] for name, c in curves.items()},
    }


def pooled(losses: list[float]) -> np.ndarray:
    """Means over `MEAN_OVER` steps."""
    whole = len(losses) // MEAN_OVER * MEAN_OVER
    return np.array(losses[:whole]).reshape(-1, MEAN_OVER).mean(axis=1)
