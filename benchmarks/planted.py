"""Every metric where the truth is known: the numbers that docs/metrics.md shows beside each.

    python benchmarks/planted.py [--steps 1000] [--quick]
    python -m xc.evaluate.document --planted benchmarks/results/planted.json > docs/metrics.md

The three worlds of artefacts.py (plain, shrinkage, decoupling), and a small one of three sources of
unequal width. Each dictionary goes through the real store and `xc evaluate` with all metrics:

- planted: the planted directions, offsets and codes, written down as a checkpoint; what the
  evaluator reads off it must be what planted_truth.py finds by dense formulas, or the script fails;
- artefact: what the L1 penalty has to gain, or nothing to lose, by, written down;
- L1 and BatchTopK: trained.

What a reconstruction costs a model is measured on two small ones whose losses are known, in
planted_words.py.

The latents that never fire, the encoders and the roles of tokens are planted here, on top; neither
rows nor what is trained on them is changed by that.

Writes benchmarks/results/planted.json.
"""

import argparse
import json
import math
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import torch

sys.path.append(str(Path(__file__).parent))  # behind all packages: files here are named like some
import planted_truth
import planted_words
from artefacts import COMMON, L1_COEFF, NOISE, TRAINED, WORLDS, Dictionary, K, write_run

from xc.evaluate import EvaluateConfig, Evaluation, evaluate
from xc.evaluate.nulls.assessment import matched
from xc.evaluate.nulls.planted import LENGTH, A, B, lengthened, summed, write_rows
from xc.store_schema import ActivationStore, Checkpoint, RunLayout, Silent
from xc.train import TrainConfig, train

C = "gamma@1"
TOPIC = "template"
SILENT = 8
"""Latents of written dictionaries that never fire."""
ENCODER_COSINE = 0.8
"""Of the planted encoders of latents that two sources hold."""
USER, ASSISTANT, TEMPLATE = 1, 2, 3
HELDOUT, TRAINED_ON = 102_400, 4_096
"""Rows of the world of three sources."""
SINKS: Mapping[str, tuple[int, ...]] = {A: (320, 640, 960, 1280, 1600), B: (320, 3200), C: ()}
"""Its attention sinks: places among held-out rows."""
WHISPER = 1e-5
"""Activation of a latent that Minder's rule calls dead."""

EXACT = ("n_", "l0_p", "rows", "sinks", "persistence", "peak", "birth")
"""Beginnings of names of which the evaluator has to give the truth itself."""
TOLERANCES: tuple[tuple[str, float, float], ...] = (
    ("^activation_p", 0.0, 1 / 32), ("^false_twin", 0.1, 0.0), ("^alignment_adjusted", 0.03, 0.0),
    ("^alignment.*chance", 0.02, 0.0), ("chance", 0.0, 0.15), ("", 2e-5, 2e-4),
)  # fmt: skip
"""How far it may be from the truth otherwise: pattern of a name, absolute, relative; the first that
fits. Bins of a sketch; pairs drawn at random; chance levels, in closed form there and by permuting
here; single precision of checkpoint and codes."""
UNTOLD = ("silent", "whisper", "rare")
"""Kinds whose columns are of no interest."""
LEFT_OUT = re.compile(r".*_ci|(fdr|reproduced|class_threshold)_.*|not_measured")
"""Of summary.json: what is about intervals or null controls."""


@dataclass(frozen=True)
class Scene:
    """A world as it is measured."""

    truth: Dictionary
    """With bias and encoders; silent latents are last."""
    rows: Mapping[str, np.ndarray]
    """By source, as the store holds them."""
    kind: np.ndarray
    """str [latent]."""
    about: np.ndarray
    """bool [latent]: latents about the template."""
    role: np.ndarray
    """uint8 [row]."""
    artefact: Callable[[tuple[float, float]], Dictionary] | None = None
    """Of the scales of normalisation."""
    text: Mapping[str, Any] | None = None
    """Further fields of the plan of the store."""
    sinks: Mapping[str, np.ndarray] | None = None
    """By source, rows that are attention sinks."""
    trained: bool = True
    """Whether crosscoders are trained on it."""

    @property
    def kinds(self) -> dict[str, np.ndarray]:
        """Latents of each kind that columns are told of, bool [latent]."""
        named = {str(k): self.kind == k for k in dict.fromkeys(self.kind)}
        return {**named, TOPIC: self.about}


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


def of_artefacts(name: str) -> Scene:
    """A world of artefacts.py: the same rows."""
    world = WORLDS[name]()
    again = np.random.default_rng(9), np.random.default_rng(9)
    # Drawn twice: rows, and with neither directions nor noise the offsets alone.
    rows = {k: _stored(summed(world.truth.codes, w, NOISE, again[0]))
            for k, w in zip((A, B), world.truth.W, strict=True)}  # fmt: skip
    bias = [summed(world.truth.codes, 0 * w, 0.0, again[1])[0] for w in world.truth.W]
    truth = replace(_completed(world.truth), bias=tuple(b.astype(np.float64) for b in bias))
    kind = np.array([*_kinds(world.truth.W), *["silent"] * SILENT])
    artefact = world.artefact and (lambda scales: _completed(world.artefact(world.truth, scales)))
    about = (kind == "b_only") & (np.cumsum(kind == "b_only") <= (kind == "b_only").sum() // 4)
    return Scene(truth, rows, kind, about, _roles(truth.codes[:, about]), artefact)


def _stored(rows: np.ndarray) -> np.ndarray:
    """Rounded as the store will: what it holds is what is planted."""
    return np.asarray(rows.astype(ml_dtypes.bfloat16).astype(np.float32))


def _kinds(W: tuple[np.ndarray, ...]) -> Iterator[str]:
    for a, b in zip(*(np.linalg.norm(w, axis=1) for w in W), strict=True):
        if a == 0 or b == 0:
            yield "b_only" if a == 0 else "a_only"
        else:
            yield "shared" if np.isclose(a, b) else "faint_in_a" if a < b else "faint_in_b"


def _roles(about: np.ndarray) -> np.ndarray:
    """Tokens of a template wherever one of some latents fires, and now and then elsewhere."""
    rng = np.random.default_rng(10)
    role = rng.choice((USER, ASSISTANT, TEMPLATE), len(about), p=(0.45, 0.45, 0.1))
    return np.where((about > 0).any(axis=1), TEMPLATE, role).astype(np.uint8)


def _completed(d: Dictionary) -> Dictionary:
    """With encoders, and latents behind the others that never fire, of unrelated directions.

    The encoder of A is the direction, that of B is turned away from it by one angle.
    """
    rng = np.random.default_rng(11)
    silent = [lengthened(rng.normal(size=(SILENT, w.shape[1]))) for w in d.W]
    W = tuple(np.concatenate([w, extra]) for w, extra in zip(d.W, silent, strict=True))
    codes = np.concatenate([d.codes, np.zeros((len(d.codes), SILENT))], axis=1)
    concept = np.concatenate([d.concept, d.concept.max() + 1 + np.arange(SILENT)])
    turned = turned_away(W[1], ENCODER_COSINE, rng)
    return replace(d, W=W, codes=codes, concept=concept, encoders=(W[0], turned))


def turned_away(rows: np.ndarray, cosine: float, rng: np.random.Generator) -> np.ndarray:
    """Rows of the same lengths, each at this cosine to the one it was; 0 stays 0."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    aside = rng.normal(size=rows.shape)
    aside -= np.vecdot(aside, unit)[:, None] * unit
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    return np.asarray(lengths * (cosine * unit + math.sqrt(1 - cosine**2) * aside))


LENGTHS: tuple[tuple[str, int, tuple[float, float, float]], ...] = (
    ("everywhere", 6, (1, 1, 1)),
    ("a_only", 3, (1, 0, 0)),
    ("c_only", 3, (0, 0, 1)),
    ("from_b_on", 4, (0, 1, 1)),
    ("fading", 3, (1, 0.4, 0.05)),
    ("whisper", 1, (1, 1, 1)),
    ("rare", 1, (1, 1, 1)),
    ("silent", 2, (1, 1, 1)),
)
"""Of the world of three sources: kinds of latents, how many, and their length in each source."""
WIDTHS = (8, 8, 6)
TURNED = 0.6
"""Cosine of a latent's directions in A and B there."""


def three() -> Scene:
    """Three sources, one of them narrower; every shape of a latent over them; attention sinks."""
    rng = np.random.default_rng(3)
    kind = np.repeat([k for k, _, _ in LENGTHS], [n for _, n, _ in LENGTHS])
    lengths = np.repeat([x for _, _, x in LENGTHS], [n for _, n, _ in LENGTHS], axis=0)
    W = [lengthened(rng.normal(size=(len(kind), width))) for width in WIDTHS]
    W[1] = turned_away(W[0], TURNED, rng)
    W = [w * x[:, None] for w, x in zip(W, lengths.T, strict=True)]
    n = HELDOUT + TRAINED_ON
    fires = rng.random((n, len(kind))) < 0.08
    codes = np.where(fires, rng.gamma(4.0, 0.5, fires.shape), 0) * (kind != "silent")
    codes[:, kind == "whisper"] = WHISPER * fires[:, kind == "whisper"]
    codes[:, kind == "rare"] = 0
    codes[TRAINED_ON + 77, kind == "rare"] = 2.0
    codes = codes.astype(np.float32).astype(np.float64)
    again = np.random.default_rng(4), np.random.default_rng(4)
    keys = (A, B, C)
    rows = {k: summed(codes, w, NOISE, again[0]) for k, w in zip(keys, W, strict=True)}
    bias = [summed(codes, 0 * w, 0.0, again[1])[0].astype(np.float64) for w in W]
    for key, places in SINKS.items():
        rows[key][[TRAINED_ON + i for i in places]] *= 100
    truth = Dictionary(
        tuple(W), codes, np.arange(len(kind)), tuple(bias), tuple(W), partition=_partition(kind)
    )
    return Scene(
        truth, {k: _stored(x) for k, x in rows.items()}, kind,
        kind == "c_only", _roles(codes[:, kind == "c_only"]),
        text={"split": (np.arange(n // LENGTH) >= TRAINED_ON // LENGTH).astype(np.uint8)},
        sinks={k: np.array(v, int) + TRAINED_ON for k, v in SINKS.items()}, trained=False,
    )  # fmt: skip


def _partition(kind: np.ndarray) -> tuple[dict[str, Any], ...]:
    """The latents of all sources, those of A and of C alone, and the rest, which is plain."""
    stops = np.cumsum([n for _, n, _ in LENGTHS])[:3].tolist()
    names = (("shared", [0, 1, 2]), ("exclusive", [0]), ("exclusive", [2]), ("plain", [0, 1, 2]))
    starts, ends = [0, *stops], [*stops, len(kind)]
    return tuple(
        {"name": name, "start": i, "stop": j, "sources": of, "penalty": 1.0, "tied": False}
        for (name, of), i, j in zip(names, starts, ends, strict=True)
    )


SCENES: dict[str, Callable[[], Scene]] = {
    **{name: lambda name=name: of_artefacts(name) for name in WORLDS},  # type: ignore[misc]
    "three": three,
}


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
        done = {"planted": _written(root / "planted", scene.truth, store, scales)}
        wrong = disagreements(truth, named, done["planted"])
        if scene.artefact is not None:
            made = scene.artefact((scales[0], scales[1]))
            done["artefact"] = _written(root / "artefact", made, store, scales)
        if scene.trained:
            for name, settings in TRAINED.items():
                done[name] = _trained(root / name, store, {**settings, **COMMON}, steps)
        found = {name: _described(ev, scene, scales) for name, ev in done.items()}
        kinds = {name: int(members.sum()) for name, members in scene.kinds.items()}
        true = {"summary": _rounded_all(truth), "latents": _by_kind(named, scene.kinds)}
        return {"kinds": kinds, "dictionaries": {"truth": true, **found}}, wrong


def measure_words() -> tuple[dict[str, Any], list[str]]:
    """Likewise, of the world of two language models; of its numbers, the losses."""
    with tempfile.TemporaryDirectory() as folder:
        truth, done = planted_words.measure_words(Path(folder))
        read = {key: done.summary[key] for key in truth}
        wrong = [
            f"{key}: truth {value}, evaluated {read[key]}" for key, value in truth.items()
            if not _agree(key, np.array(value), np.array(read[key]))
        ]  # fmt: skip
        both = {"truth": truth, "planted": read}
        told = {name: {"summary": _rounded_all(of), "latents": {}} for name, of in both.items()}
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


def _written(
    root: Path, dictionary: Dictionary, store: ActivationStore, scales: tuple[float, ...]
) -> Evaluation:
    run = RunLayout(root)
    write_run(run, dictionary, store, scales)
    return _evaluated(run, store)


def _trained(
    root: Path, store: ActivationStore, settings: Mapping[str, Any], steps: int
) -> Evaluation:
    tokens = steps * COMMON["batch_size"]
    run = RunLayout(root)
    config = TrainConfig.resolve({**settings, "tokens": tokens})
    train(config, store=store, run=run, progress=Silent())
    return _evaluated(run, store)


def _evaluated(run: RunLayout, store: ActivationStore) -> Evaluation:
    config = EvaluateConfig(bootstrap=0, groups=0, examples=0, report=False)
    return evaluate(config, run=run, store=store, progress=Silent())


def disagreements(
    truth: Mapping[str, float], columns: Mapping[str, np.ndarray], done: Evaluation
) -> list[str]:
    """Where an evaluation of the planted dictionary is not at the truth; every latent counts.

    Numbers and columns that it has and the truth has not, and the other way round, are told too.
    """
    found, table = _summary(done), done.latents
    names = set(table.to_arrow().column_names) - {"latent", "group"}
    known = {key for key, value in found.items() if not math.isnan(value)}
    strange = [
        f"{key}: no truth is known" for key in (known - truth.keys()) | (names - columns.keys())
    ]
    strange += [f"{key}: not evaluated" for key in (truth.keys() - found.keys())]
    wrong = [
        f"{key}: truth {value}, evaluated {found[key]}" for key, value in truth.items()
        if key in found and not _agree(key, np.array(value), np.array(found[key], float))
    ]  # fmt: skip
    # Over so small an activation noise is amplified, and in single precision it is another.
    loud = columns["max_activation"] != np.float32(WHISPER)
    for key in names & columns.keys():
        expected, value = columns[key][loud], table.column(key)[loud]
        if not _agree(key, expected, value):
            wrong.append(f"{key}: truth {expected.tolist()}, evaluated {value.tolist()}")
    return sorted([*strange, *wrong])


def _agree(key: str, truth: np.ndarray, value: np.ndarray) -> bool:
    if truth.dtype.kind == "U":
        return bool(np.all(truth == value.astype(np.str_)))
    truth, value = truth.astype(np.float64), value.astype(np.float64)
    if key.startswith(EXACT):
        return bool(np.all((truth == value) | (np.isnan(truth) & np.isnan(value))))
    absolute, relative = next(t for of, *t in TOLERANCES if re.search(of, key))
    close = np.abs(truth - value) <= absolute + relative * np.abs(truth)
    return bool(np.all(close | (np.isnan(truth) & np.isnan(value))))


def _summary(done: Evaluation) -> dict[str, Any]:
    """summary.json, and what is looked at of twins.parquet and nu_curves.parquet."""
    kept = {k: v for k, v in done.summary.items() if not LEFT_OUT.fullmatch(k)}
    out = {k: math.nan if v is None else v for k, v in kept.items()}
    best, sources = done.twins.column("method") == "hungarian", done.twins.column("sources")
    for end in [key.removeprefix("n_twins") for key in out if re.fullmatch("n_twins(_._.)?", key)]:
        cosines = done.twins.column("cosine")[best & (sources == (end[1:] or "a_b"))]
        out[f"twin_cosine_median{end}"] = float(np.median(cosines)) if len(cosines) else math.nan
    return {**out, **(_curves(done) if "n_twins" in out else {})}


def _curves(done: Evaluation) -> dict[str, int]:
    """Counts of nu_curves.parquet, by class, π and column."""
    frame = done.nu_curves.to_pandas()
    return {
        f"{row['class']} {pi:g} n_{name}": int(row[f"n_{name}"])
        for pi in planted_truth.CURVE
        for row in frame[np.isclose(frame["threshold"], pi)].to_dict("records")
        for name in ("error", "reconstruction", "both")
    }


def _described(done: Evaluation, scene: Scene, scales: tuple[float, ...]) -> dict[str, Any]:
    """A dictionary's numbers, and its columns over the latents matched to those of each kind."""
    checkpoint = Checkpoint.load(done.run.checkpoint)
    table = done.latents
    at = _matched(checkpoint, table.column("class"), scene, scales)
    names = [n for n in table.to_arrow().column_names if n not in ("latent", "group")]
    columns = {name: table.column(name)[at[at >= 0]] for name in names}
    kinds = {name: members[at >= 0] for name, members in scene.kinds.items()}
    return {
        "summary": _rounded_all(_summary(done)),
        "matched": {name: int(members.sum()) for name, members in kinds.items()},
        "latents": _by_kind(columns, kinds),
    }


def _matched(
    checkpoint: Checkpoint, classes: np.ndarray, scene: Scene, scales: tuple[float, ...]
) -> np.ndarray:
    """The latent of each planted one, −1 where none has a cosine above 0.9."""
    planted = np.concatenate([w * c for w, c in zip(scene.truth.W, scales, strict=True)], axis=1)
    decoder = np.concatenate(checkpoint.W_dec, axis=1)
    if decoder.shape == planted.shape and np.allclose(decoder, planted, atol=1e-5):
        return np.arange(len(planted))
    alive = np.flatnonzero(classes != "dead")
    at = matched(planted, decoder[alive], scene.kind != "silent")
    return np.where(at >= 0, alive[at], -1)


def _by_kind(
    columns: Mapping[str, np.ndarray], kinds: Mapping[str, np.ndarray]
) -> dict[str, dict[str, Any]]:
    """Medians over the latents of each kind; of words, the most frequent one; nothing of none."""
    return {
        kind: {name: _middle(c[members]) for name, c in columns.items()}
        for kind, members in kinds.items()
        if kind not in UNTOLD and members.any()
    }


def _middle(values: np.ndarray) -> Any:
    if values.dtype.kind in "UO":
        words, counts = np.unique(values.astype(str), return_counts=True)
        return str(words[counts.argmax()])
    known = values[~np.isnan(values)]
    return _rounded(np.median(known)) if len(known) else None


def _rounded_all(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _rounded(values[key]) for key in sorted(values)}


def _rounded(value: Any) -> int | float | None:
    """Three digits; nothing for what is not finite, 0 for what is next to it."""
    if isinstance(value, int | np.integer) or not math.isfinite(value):
        return int(value) if isinstance(value, int | np.integer) else None
    return float(f"{value:.3g}") if abs(value) >= 1e-4 else 0.0


if __name__ == "__main__":
    main()
