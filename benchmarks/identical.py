"""What is found between a model and itself: the control that has to come out empty.

    python benchmarks/identical.py
    python benchmarks/identical.py --add --models FOLDER … --text FILE [--layer 2] [--quick]

Each model is harvested once and named twice, as `xc harvest MODEL MODEL --layer 2,2` does, and
crosscoders are trained on it: with BatchTopK and L1, from equal and from different starts of the
two decoders, short ones and long ones. Where starts are equal, nothing ever tells the two apart.

Writes benchmarks/results/identical.json; `python benchmarks/table.py` prints the table of
docs/nulls.md from it.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import torch

from xc.cli.harvesting import run_harvest
from xc.cli.pipeline_file import Pipeline
from xc.evaluate import EvaluateConfig, evaluate
from xc.store_schema import ActivationStore, RunLayout, Silent
from xc.train import TrainConfig, train

ROWS, TOKENS, SHORT = 60_000, 200_000, 20_000
COMMON: dict[str, Any] = {"d_sae": 512, "batch_size": 256, "device": "cpu", "log_every": 500}
VARIANTS: dict[str, dict[str, Any]] = {
    "BatchTopK, equal starts": {"k": 16, "init_same": True},
    "BatchTopK": {"k": 16},
    "BatchTopK, a tenth of the tokens": {"k": 16, "tokens": SHORT},
    "BatchTopK, starts of norm 1": {"k": 16, "init_norm": 1.0},
    "L1": {"sparsity": "l1"},
}
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
        "common": COMMON, "variants": VARIANTS, "models": found,
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
    for number, (name, values) in enumerate(VARIANTS.items()):
        run = RunLayout(folder / str(number))
        config = TrainConfig.resolve({"tokens": tokens, **COMMON, **values})
        train(config, store=store, run=run, progress=Silent())
        how = EvaluateConfig(
            metrics=("class", "fve", *KEYS[:5], *KEYS[6:]),
            bootstrap=0,
            groups=0,
            examples=0,
            report=False,
        )
        done = evaluate(how, run=run, store=store, progress=Silent())
        found[name] = {key: _rounded(done.summary[key]) for key in KEYS}
        print(store.sources[0].key, name, found[name], flush=True)
    return found


def _rounded(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else round(value, 7)


if __name__ == "__main__":
    main()
