"""The peers' side of `benchmarks/harvest.py`; runs in their environment, one job per line on stdin.

A job runs two models of GPT-2's shape over the same tokens and leaves bfloat16 activations on disk.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig

Activations = Callable[[HookedTransformer, torch.Tensor, int], torch.Tensor]


def make(n_layers: int) -> HookedTransformer:
    """A randomly initialised model of GPT-2's shape."""
    config = HookedTransformerConfig(
        n_layers=n_layers, d_model=768, n_ctx=1024, d_head=64, n_heads=12, d_mlp=3072,
        d_vocab=50257, act_fn="gelu_new", normalization_type="LN", seed=0, device="cpu",
    )  # fmt: skip
    return HookedTransformer(config).eval()


def by_names_filter(model: HookedTransformer, tokens: torch.Tensor, layer: int) -> torch.Tensor:
    """As Kissane and Becker call it: the whole model runs, one activation is kept."""
    name = f"blocks.{layer}.hook_resid_pre"
    _, cache = model.run_with_cache(tokens, names_filter=name)
    return cache[name]


def by_stopping(model: HookedTransformer, tokens: torch.Tensor, layer: int) -> torch.Tensor:
    """Told to stop early."""
    return model(tokens, stop_at_layer=layer)


METHODS: dict[str, Activations] = {
    "TransformerLens names_filter": by_names_filter,
    "TransformerLens stop_at_layer": by_stopping,
}


@torch.inference_mode()
def run(method: Activations, tokens: np.ndarray, models: list, batch: int, out: Path) -> float:
    """Seconds for both models, from tokens to bytes on disk."""
    start = time.perf_counter()
    for number, (model, layer) in enumerate(models):
        with (out / f"peer-{number}.bin").open("wb") as file:
            for first in range(0, len(tokens), batch):
                ids = torch.from_numpy(tokens[first : first + batch])
                hidden = method(model, ids, layer)[:, 1:].to(torch.bfloat16)
                file.write(hidden.contiguous().view(torch.int16).numpy().tobytes())
    return time.perf_counter() - start


def main() -> None:
    """Arguments: tokens file, batch, folder for results, threads."""
    tokens = np.load(sys.argv[1])
    batch, out = int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(int(sys.argv[4]))
    models = [(make(12), 6), (make(6), 3)]
    print("ready", flush=True)
    for line in sys.stdin:
        print(run(METHODS[line.strip()], tokens, models, batch, out), flush=True)


if __name__ == "__main__":
    main()
