"""Which planted directions each architecture finds, and what it finds where there is nothing.

    python benchmarks/recovery.py [--steps 1200] [--seeds 0 1] [--only batch_topk dfc] [--quick]

Rows are sparse sums of planted directions: shared ones fire in both sources at once, A-only and
B-only ones in one. They go through the real store, trainer and evaluator. Latents that fire are
then matched one to one to planted directions (Hungarian method) by the cosine between a latent's
decoder rows in all sources, one behind the other, and the planted direction likewise. A direction
of a kind (shared, A only, B only) counts as found if its latent has a cosine above 0.9 and is of
that class in latents.parquet; every other latent of that class is a false discovery. The null
control is the same with all directions shared: whatever is exclusive there is false.

Two worlds: sources of unequal width without a common basis, as models of two families; and of equal
width with shared directions that are the same vectors, as a model and its fine-tune.

Writes benchmarks/results/recovery.json; `python benchmarks/table.py` prints the tables of
docs/recovery.md from it.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xc.evaluate import EvaluateConfig, Evaluation, evaluate
from xc.evaluate.nulls.assessment import COSINE, assess
from xc.evaluate.nulls.planted import DIFFERENCE, JOINED, A, B, World, plant
from xc.store_schema import ActivationStore, Checkpoint, RunLayout, Silent
from xc.train import TrainConfig, train

WORLDS = {"unequal": World((44, 36), same=False), "equal": World((40, 40), same=True)}

SPARSE = {"k": 4}
"""About as many directions fire on a row."""
L1 = {"sparsity": "l1", "l1_coeff": 1.0}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "l1": L1,
    "l1, code norm sae": {**L1, "code_norm": "sae"},
    "topk": {"sparsity": "topk", **SPARSE},
    "batch_topk": SPARSE,
    "batch_topk, decoupled": {"code_norm": "decoupled", **SPARSE},
    "jumprelu": {"sparsity": "jumprelu", "l1_coeff": 0.2, "init_norm": 0.5},
    "matryoshka": {"matryoshka": (32, 64), **SPARSE},
    "anthropic-shared": {**L1, "l1_coeff": 3.0, "shared_fraction": 0.5},
    "dfc": {"exclusive": (0.125, 0.125), **SPARSE},
    "SAE on A + B": {"sources": (JOINED,), **SPARSE},
    "SAE on A − B": {"sources": (DIFFERENCE,), "k": 2},
    "SAE on A": {"sources": (A,), "k": 3},
    "SAE on B": {"sources": (B,), "k": 3},
}
"""What each sets beside COMMON."""
EQUAL_WIDTHS = ("anthropic-shared", "SAE on A − B")
"""Those that need sources of equal width."""
COMMON = {
    "d_sae": 128, "batch_size": 512, "device": "cpu", "dead_after_tokens": 50_000,
    "validate_every": 1000, "save_every": 10**6, "log_every": 1000,
}  # fmt: skip
"""More latents than directions, so that there is room for false ones."""


def train_and_measure(
    settings: Mapping[str, Any], store: ActivationStore, folder: Path, *, steps: int, seed: int = 0
) -> tuple[Checkpoint, Evaluation]:
    """Train one architecture and evaluate it, as the commands do."""
    values = {**COMMON, "sources": (A, B), "tokens": steps * COMMON["batch_size"], "seed": seed}
    run = RunLayout(folder)
    train(TrainConfig.resolve({**values, **settings}), store=store, run=run, progress=Silent())
    config = EvaluateConfig(metrics=("class", "l0", "fve_pooled"), bootstrap=0, report=False)
    done = evaluate(config, run=run, store=store, progress=Silent())
    return Checkpoint.load(run.root), done


def measure(
    world: World, names: Sequence[str], *, steps: int, seeds: Sequence[int]
) -> dict[str, list[dict[str, Any]]]:
    """By architecture, what it came to for each seed."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            planted, store = plant(world, Path(folder) / "acts.zarr", seed=seed)
            for number, name in enumerate(names):
                began = time.perf_counter()
                run = Path(folder) / str(number)
                done = train_and_measure(ARCHITECTURES[name], store, run, steps=steps, seed=seed)
                found[name].append(asdict(assess(*done, planted)))
                print(
                    name, seed, found[name][-1], f"{time.perf_counter() - began:.0f} s", flush=True
                )
    return found


def mean(values: Sequence[Any]) -> Any:
    """Of numbers, or of what stands in dictionaries alike; None where there is none."""
    if isinstance(values[0], dict):
        return {key: mean([value[key] for value in values]) for key in values[0]}
    return None if values[0] is None else round(float(np.mean(values)), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--quick", action="store_true", help="few steps, to see that it runs")
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here / "results" / "recovery.json")
    args = parser.parse_args()
    steps, seeds = (50, [0]) if args.quick else (args.steps, args.seeds)
    torch.set_num_threads(1)
    results: dict[str, Any] = {
        "benchmark": "recovery", "steps": steps, "seeds": seeds, "common": COMMON, "cosine": COSINE,
        "architectures": {name: ARCHITECTURES[name] for name in args.only}, "worlds": {},
    }  # fmt: skip
    for title, world in WORLDS.items():
        names = [n for n in args.only if title == "equal" or n not in EQUAL_WIDTHS]
        of = {"planted": world, "null": world.null}
        by_kind = {key: measure(w, names, steps=steps, seeds=seeds) for key, w in of.items()}
        results["worlds"][title] = {
            "world": asdict(world),
            "found": {n: {key: mean(m[n]) for key, m in by_kind.items()} for n in names},
        }
    args.out.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
