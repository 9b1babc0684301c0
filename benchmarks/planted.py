"""Every metric where the truth is known: the numbers that docs/metrics.md shows beside each.

    python benchmarks/planted.py [--steps 1000] [--quick]
    python -m xc.evaluate.document --results benchmarks/results > docs/metrics.md

The three worlds of artefacts.py (plain, shrinkage, decoupling), and a small one of three sources of
unequal width. Each dictionary goes through the real store and `xc evaluate` with all metrics:

- planted: the planted directions, offsets and codes, written down as a checkpoint; what the
  evaluator reads off it must be what planted_truth.py finds by dense formulas, or the script fails;
- artefact: what the L1 penalty has to gain, or nothing to lose, by, written down;
- L1 and BatchTopK: trained.

What a reconstruction costs a model is measured on two small ones whose losses are known, in
planted_words.py.

Writes benchmarks/results/planted.json.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.append(str(Path(__file__).parent))  # behind all packages: files here are named like some
import planted_truth
import planted_words
from artefacts import COMMON, L1_COEFF, NOISE, TRAINED, K
from dictionary_runs import trained, written
from planted_agreement import agree, disagreements
from planted_description import by_kind, described, rounded_all
from planted_scenes import ENCODER_COSINE, SCENES, SILENT, Scene

from xc.evaluate import EvaluateConfig
from xc.evaluate.nulls.planted import LENGTH, write_rows
from xc.store_schema import ActivationStore

EVERYTHING = EvaluateConfig(bootstrap=0, groups=0, examples=0, report=False)
"""All metrics, without intervals."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--quick", action="store_true", help="few steps, to see that it runs")
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here / "results" / "planted.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    began = time.process_time()
    steps = 50 if args.quick else args.steps
    worlds = {}
    measured = {name: lambda make=make: measure(make(), steps) for name, make in SCENES.items()}
    for name, found in {**measured, "words": measure_words}.items():
        worlds[name], wrong = found()
        if wrong:
            raise SystemExit(f"{name}: the evaluator is not at the truth\n" + "\n".join(wrong))
    results = {
        "benchmark": "planted", "steps": steps, "l1_coeff": L1_COEFF, "k": K, "noise": NOISE,
        "encoder_cosine": ENCODER_COSINE, "silent": SILENT, "worlds": worlds,
    }  # fmt: skip
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False)
    args.out.write_text(text + "\n", encoding="utf-8")
    print(f"{round(time.process_time() - began)} s of CPU")


def measure(scene: Scene, steps: int) -> tuple[dict[str, Any], list[str]]:
    """What is shown of a world, and where the evaluator is off the truth."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        text = {"role": scene.role, **(scene.text or {})}
        store = write_rows(root / "acts.zarr", scene.rows, text=text)
        planted, scales = _planted(scene, store)
        columns = planted_truth.columns(planted)
        named = {**columns, **planted_truth.named_classes(planted)}
        truth = _truth(scene, planted, columns)
        done = {"planted": written(root / "planted", scene.truth, store, scales, EVERYTHING)}
        wrong = disagreements(truth, named, done["planted"])
        if scene.artefact is not None:
            made = scene.artefact((scales[0], scales[1]))
            done["artefact"] = written(root / "artefact", made, store, scales, EVERYTHING)
        if scene.trained:
            for name, settings in TRAINED.items():
                how = {**settings, **COMMON}
                done[name] = trained(root / name, how, store, steps, EVERYTHING)
        found = {name: described(ev, scene, scales) for name, ev in done.items()}
        kinds = {name: int(members.sum()) for name, members in scene.kinds.items()}
        true = {"summary": rounded_all(truth), "latents": by_kind(named, scene.kinds)}
        return {"kinds": kinds, "dictionaries": {"truth": true, **found}}, wrong


def measure_words() -> tuple[dict[str, Any], list[str]]:
    """Likewise, of the world of two language models; of its numbers, the losses."""
    with tempfile.TemporaryDirectory() as folder:
        truth, done = planted_words.measure_words(Path(folder))
        read = {key: done.summary[key] for key in truth}
        wrong = [
            f"{key}: truth {value}, evaluated {read[key]}" for key, value in truth.items()
            if not agree(key, np.array(value), np.array(read[key]))
        ]  # fmt: skip
        both = {"truth": truth, "planted": read}
        told = {name: {"summary": rounded_all(of), "latents": {}} for name, of in both.items()}
        return {"kinds": {}, "dictionaries": told}, wrong


def _planted(
    scene: Scene, store: ActivationStore
) -> tuple[planted_truth.Planted, tuple[float, ...]]:
    """What is planted on the held-out rows that count, and the scale of each source."""
    ((start, _),) = store.splits["heldout"]
    n = len(scene.role)
    sinks = {key: np.isin(np.arange(n), (scene.sinks or {}).get(key, ())) for key in scene.rows}
    kept = ~np.logical_or.reduce(list(sinks.values())) & (np.arange(n) >= start)
    x = {key: rows.astype(np.float64) for key, rows in scene.rows.items()}
    own = [x[key][~sinks[key]] for key in x]
    scales = tuple(
        float(np.sqrt(rows.shape[1]) / np.linalg.norm(rows, axis=1).mean()) for rows in own
    )
    d, f32 = scene.truth, np.float32

    def scaled(parts: Any) -> tuple[np.ndarray, ...]:
        return tuple(part * c for part, c in zip(parts, scales, strict=True))

    planted = planted_truth.Planted(
        d.codes.astype(f32).astype(np.float64)[kept], scaled(d.W), d.encoders or d.W,
        scaled(d.bias), scaled(rows[kept] for rows in x.values()), scales,
        scaled(rows.mean(axis=0) for rows in own), np.flatnonzero(kept) // LENGTH,
        scene.role[kept],
    )  # fmt: skip
    return planted, scales


def _truth(
    scene: Scene, planted: planted_truth.Planted, columns: Mapping[str, np.ndarray]
) -> dict[str, float]:
    out = planted_truth.summary(planted, columns) | planted_truth.twins(planted)
    for letter, key in zip(planted.letters, scene.rows, strict=True):
        out[f"sinks_{letter}"] = len((scene.sinks or {}).get(key, ()))
    if len(planted.W) == 2:
        return out | planted_truth.curves(planted, columns)
    return out | planted_truth.overall(planted, _groups(scene))


def _groups(scene: Scene) -> dict[str, np.ndarray]:
    """Latents of each group of the partition, by the name that the evaluator gives it."""
    out = {}
    for group in scene.truth.partition:
        of = "".join(f"_{'abc'[m]}" for m in group["sources"])
        name = group["name"] + (of if group["name"] == "exclusive" else "")
        out[name] = np.arange(group["start"], group["stop"])
    return out


if __name__ == "__main__":
    main()
