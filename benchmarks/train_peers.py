"""The peers' side of `benchmarks/train.py`, in their environment: one contender a line on stdin.

Neither has a crosscoder on PyPI. Theirs is a sparse autoencoder on the sources side by side, which
has the same matrix products. Each line names one; the answer is the seconds of one training step.
"""

import importlib
import sys
import time
import types
import warnings
from collections.abc import Callable
from typing import Any

import torch

Step = Callable[[torch.Tensor], Any]


def trainers() -> Any:
    """dictionary-learning's trainers; they use nothing of nnsight, which the package imports."""
    stand_in = types.ModuleType("nnsight")
    stand_in.__dict__["LanguageModel"] = object
    sys.modules.setdefault("nnsight", stand_in)
    return importlib.import_module("dictionary_learning.trainers")


def updates(trainer: type, width: int, d_sae: int, **kwargs: Any) -> Step:
    """`update` of one of them, as its training loop calls it."""
    made = trainer(
        steps=100_000, activation_dim=width, dict_size=d_sae, layer=0, lm_name="m", device="cpu",
        lr=1e-4, **kwargs,
    )  # fmt: skip
    counter = iter(range(1, 10**9))
    made.update(0, torch.randn(64, width))
    return lambda x: made.update(next(counter), x)


def sparsify(width: int, d_sae: int, k: int) -> Step:
    """sparsify's TopK autoencoder with Adam, calls in the order of its trainer."""
    config = importlib.import_module("sparsify.config").SparseCoderConfig(num_latents=d_sae, k=k)
    sae = importlib.import_module("sparsify.sparse_coder").SparseCoder(width, config)
    adam = torch.optim.Adam(sae.parameters(), lr=1e-4)

    def step(x: torch.Tensor) -> None:
        sae.forward(x).fvu.backward()
        sae.remove_gradient_parallel_to_decoder_directions()
        torch.nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
        adam.step()
        adam.zero_grad()
        sae.set_decoder_norm_to_unit_norm()

    return step


def make(name: str, width: int, d_sae: int, k: int) -> Step:
    """Build a contender."""
    if name == "sparsify TopK":
        return sparsify(width, d_sae, k)
    if name == "dictionary-learning BatchTopK":
        return updates(trainers().BatchTopKTrainer, width, d_sae, k=k)
    return updates(trainers().StandardTrainer, width, d_sae, l1_penalty=0.1, resample_steps=None)


def main() -> None:
    """Arguments: batch, width, d_sae, k, threads."""
    warnings.filterwarnings("ignore")
    n, width, d_sae, k, threads = map(int, sys.argv[1:6])
    torch.set_num_threads(threads)
    steps: dict[str, Step] = {}
    generator = torch.Generator().manual_seed(1)
    answers, sys.stdout = sys.stdout, sys.stderr
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        name = line.strip()
        if name not in steps:
            steps[name] = make(name, width, d_sae, k)
        x = torch.randn(n, width, generator=generator)
        start = time.perf_counter()
        steps[name](x)
        print(time.perf_counter() - start, file=answers, flush=True)


if __name__ == "__main__":
    main()
