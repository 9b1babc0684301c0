"""What is found between a model and itself: the control that has to come out empty.

    python benchmarks/identical.py
    python benchmarks/identical.py --add --models FOLDER … --text FILE [--layer 2] [--quick]

Each model is harvested once and named twice, as `xc harvest MODEL MODEL --layer 2,2` does, and
crosscoders are trained on it: with BatchTopK and L1, from equal and from different starts of the
two decoders, short ones and long ones. Where starts are equal, nothing ever tells the two apart.
Last, the one with BatchTopK is evaluated with A's weights in the place of B's. No value is rounded.

Writes benchmarks/results/identical.json; `python benchmarks/table.py` prints the table of
docs/nulls.md from it.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from xc.cli.harvesting import run_harvest
from xc.cli.pipeline_file import Pipeline
from xc.evaluate import EvaluateConfig, evaluate
from xc.store_schema import ActivationStore, Checkpoint, RunLayout, Silent
from xc.train import TrainConfig, train
from xc.train.formats import Wishes
from xc.train.importing import import_run

ROWS, TOKENS, SHORT = 60_000, 200_000, 20_000
COMMON: dict[str, Any] = {"d_sae": 512, "batch_size": 256, "device": "cpu", "log_every": 500}
VARIANTS: dict[str, dict[str, Any]] = {
    "BatchTopK, equal starts": {"k": 16, "init_same": True},
    "BatchTopK": {"k": 16},
    "BatchTopK, a tenth of the tokens": {"k": 16, "tokens": SHORT},
    "BatchTopK, starts of norm 1": {"k": 16, "init_norm": 1.0},
    "L1": {"sparsity": "l1"},
}
COPIED, COPIED_FROM = "BatchTopK, A's weights for both", "BatchTopK"
PER_SOURCE = ("W_enc", "W_dec", "b_dec", "mean", "scale", "centre_rows")
"""What a checkpoint has of each source."""

KEYS = (
    "n_shared", "n_a_only", "n_b_only", "n_other", "n_dead", "fve_a", "sharedness", "alignment",
    "alignment_adjusted", "alignment_all", "cosine_shared_median",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--models", nargs="+", default=["zoo:base"])
    parser.add_argument("--text", default="zoo:stdlib")
    parser.add_argument("--layer", type=int, default=2)
    parser.add_argument("--add", action="store_true", help="keep other models of the results")
    parser.add_argument("--quick", action="store_true", help="few tokens, to see that it runs")
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here / "results" / "identical.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    known = json.loads(args.out.read_text(encoding="utf-8"))["models"] if args.add else {}
    found = dict(known)
    for model in args.models:
        with tempfile.TemporaryDirectory() as folder:
            store = harvest(model, args.text, args.layer, Path(folder))
            name = Path(model).name.replace("zoo:", "")
            found[name] = measure(store, Path(folder), tokens=SHORT if args.quick else TOKENS)
    results = {
        "benchmark": "identical", "layer": args.layer, "rows": ROWS, "tokens": TOKENS,
        "common": COMMON, "variants": {**VARIANTS, COPIED: {"copied_from": COPIED_FROM}},
        "models": found,
    }  # fmt: skip
    args.out.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def harvest(model: str, text: str, layer: int, folder: Path) -> ActivationStore:
    """A store whose A and B are the same source."""
    values = {
        "store": folder / "acts.zarr", "models": [model, model], "layers": [f"{layer},{layer}"],
        "dataset": text if text.startswith("zoo:") else str(Path(text).resolve()),
        "tokens": ROWS, "device": "cpu",
    }  # fmt: skip
    done = run_harvest(Pipeline(sections={"harvest": values}), {}, models=None, progress=Silent())
    return ActivationStore.open(done.path)


def measure(store: ActivationStore, folder: Path, *, tokens: int) -> dict[str, dict[str, Any]]:
    """By variant, what the evaluator says."""
    found = {}
    for name, run in runs(store, folder, tokens=tokens):
        found[name] = evaluated(store, run)
        print(store.sources[0].key, name, found[name], flush=True)
    return found


def runs(store: ActivationStore, folder: Path, *, tokens: int) -> Iterator[tuple[str, RunLayout]]:
    """Every variant trained, and one whose decoders are the same."""
    of = {name: RunLayout(folder / str(number)) for number, name in enumerate(VARIANTS)}
    for name, run in of.items():
        config = TrainConfig.resolve({"tokens": tokens, **COMMON, **VARIANTS[name]})
        train(config, store=store, run=run, progress=Silent())
        yield name, run
    yield COPIED, copied(of[COPIED_FROM], store, folder / "copied")


def copied(run: RunLayout, store: ActivationStore, folder: Path) -> RunLayout:
    """A run of the same crosscoder with A's weights in the place of B's."""
    trained = Checkpoint.load(run.root)
    values = {name: getattr(trained, name) for name in PER_SOURCE}
    same = {name: own and (own[0],) * len(own) for name, own in values.items()}
    replace(trained, **same).save(folder / "weights")
    made = RunLayout(folder / "run")
    import_run(str(folder / "weights"), Wishes(), run=made, progress=Silent(), store=store)
    return made


def evaluated(store: ActivationStore, run: RunLayout) -> dict[str, Any]:
    """What is told of a run, and where delta_norm lies of the latents that fire."""
    how = EvaluateConfig(
        metrics=("class", "frequency", "delta_norm", "fve", *KEYS[:5], *KEYS[6:]),
        bootstrap=0,
        groups=0,
        examples=0,
        report=False,
    )
    done = evaluate(how, run=run, store=store, progress=Silent())
    delta = done.latents.column("delta_norm")[done.latents.column("frequency") > 0]
    ends = {"delta_norm_min": float(delta.min()), "delta_norm_max": float(delta.max())}
    return {key: done.summary[key] for key in KEYS} | ends


if __name__ == "__main__":
    main()
