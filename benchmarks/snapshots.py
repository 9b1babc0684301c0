"""When features are born: a crosscoder over snapshots of one training, beside a control.

    python benchmarks/snapshots.py [--quick]

The model of the zoo is trained again, shorter, and saved on its way (`python -m xc.zoo.pretrain`
trains it in full). One store holds the snapshots; one crosscoder is trained over them in order, and
one over the last snapshot alone, named as often: there nothing is born later, whatever is counted.

Writes benchmarks/results/snapshots.json; `python benchmarks/table.py` prints the table of
docs/sources.md from it.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from xc.cli.harvesting import run_harvest
from xc.cli.pipeline_file import Pipeline
from xc.evaluate import EvaluateConfig, evaluate
from xc.store_schema import ActivationStore, RunLayout, Silent
from xc.train import TrainConfig, train
from xc.zoo.language_model import save_model
from xc.zoo.models import model_folder
from xc.zoo.pretrain import new_base, pretrain
from xc.zoo.recipe import Recipe
from xc.zoo.script import prepare_tokenizer, tokenized

SHARES = (0.02, 0.2, 1.0)
"""Of the training, at which a snapshot is saved."""
LAYER, ROWS = 2, 60_000
SIZES = {"pretraining": 2_400_000, "crosscoder": 400_000}
QUICK = {"pretraining": 200_000, "crosscoder": 20_000}
CROSSCODER: dict[str, Any] = {
    "d_sae": 512, "k": 16, "batch_size": 256, "device": "cpu", "log_every": 500,
}  # fmt: skip
CONTROL = "the last snapshot three times"
KEYS = ("n_birth_50", "n_birth_10", "n_peak", "fve")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="few tokens, to see that it runs")
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here / "results" / "snapshots.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes = QUICK if args.quick else SIZES
    with tempfile.TemporaryDirectory() as folder:
        saved, losses = snapshots(Path(folder), tokens=sizes["pretraining"])
        store = harvest(saved, Path(folder) / "acts.zarr")
        found = {}
        for name, keys in orders(store).items():
            run = RunLayout(Path(folder) / f"run{len(found)}")
            found[name] = measure(store, keys, run, tokens=sizes["crosscoder"])
            print(name, found[name], flush=True)
    results = {
        "benchmark": "snapshots", "layer": LAYER, "rows": ROWS, "tokens": sizes,
        "crosscoder": CROSSCODER, "snapshots": losses, "orders": found,
    }  # fmt: skip
    args.out.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def snapshots(folder: Path, *, tokens: int) -> tuple[list[Path], list[dict[str, float]]]:
    """Model folders in the order of training, and the step and loss of each."""
    recipe = Recipe(tokens=tokens)
    steps = [max(1, round(share * recipe.steps)) for share in SHARES]
    base, tokenizer = folder / "tokenizer", model_folder("base")
    prepare_tokenizer(base, like=tokenizer)
    model = new_base(seed=recipe.seed)
    saved, losses = [], []
    for report in pretrain(model, tokenized(base), recipe):
        if report.step in steps:
            path = folder / f"step{report.step}"
            shutil.copytree(base, path)
            save_model(model, path)
            saved.append(path)
            losses.append({"step": report.step, "loss": report.loss})
            print(path.name, f"{report.loss:.3f}", flush=True)
    return saved, losses


def harvest(models: list[Path], path: Path) -> ActivationStore:
    """All of them over the text of the zoo."""
    values = {
        "store": path, "models": [str(model) for model in models],
        "layers": [",".join([str(LAYER)] * len(models))], "dataset": "zoo:stdlib", "tokens": ROWS,
        "device": "cpu",
    }  # fmt: skip
    done = run_harvest(Pipeline(sections={"harvest": values}), {}, models=None, progress=Silent())
    return ActivationStore.open(done.path)


def orders(store: ActivationStore) -> dict[str, tuple[str, ...]]:
    """What a crosscoder is trained over."""
    keys = tuple(source.key for source in store.sources)
    return {"snapshots in order": keys, CONTROL: (keys[-1],) * len(keys)}


def measure(
    store: ActivationStore, keys: tuple[str, ...], run: RunLayout, *, tokens: int
) -> dict[str, Any]:
    """What the evaluator says of one crosscoder, with intervals."""
    config = TrainConfig.resolve({"tokens": tokens, "sources": keys, **CROSSCODER})
    train(config, store=store, run=run, progress=Silent())
    how = EvaluateConfig(examples=0, report=False)
    summary = evaluate(how, run=run, store=store, progress=Silent()).summary
    return {key: summary[key] for key in told(len(keys))}


def told(n: int) -> Iterator[str]:
    """Keys of summary.json that the results keep."""
    letters = "abcdefgh"[:n]
    for name in KEYS:
        yield from (f"{name}_{letter}{end}" for letter in letters for end in ("", "_ci"))
    pairs = [f"{a}_{b}" for i, a in enumerate(letters) for b in letters[i + 1 :]]
    yield from (f"{key}_{p}{end}" for key in ("sharedness", "cka") for p in pairs
                for end in ("", "_ci"))  # fmt: skip
    yield from ("n_dead", "persistence_mean", "persistence_mean_ci")


if __name__ == "__main__":
    main()
