"""A finished evaluation made by hand: JSON, Parquet and YAML with the shape of a real run."""

import inspect
import itertools
import json
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet

from xc.store_schema import RunLayout

Columns = dict[str, Any]


@dataclass(frozen=True)
class MadeLatents:
    table: pa.Table

    def to_arrow(self) -> pa.Table:
        return self.table


@dataclass(frozen=True)
class MadeEvaluation:
    """What `Evaluation.open` gives, as far as the report looks."""

    run: RunLayout

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        return json.loads(self.run.summary.read_text())

    @cached_property
    def latents(self) -> MadeLatents:
        return MadeLatents(parquet.read_table(self.run.latents_parquet))


@dataclass
class Wish:
    """What a made run should be like."""

    names: tuple[str, ...] = ("zoo-base@2", "zoo-distilled@1")
    d_sae: int = 600
    widths: tuple[int, ...] = (128, 128)
    scales: tuple[float, ...] = (1.31, 1.07)
    all_dead: bool = False
    nulls: bool = False
    only: str | None = None
    tokens: tuple[str, ...] | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    omit: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    per_class: int = 7
    parts: tuple[str, ...] = ()


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., MadeEvaluation]:
    """Builds a run in a folder of its own: `make_run(d_sae=50, names=(…))`."""

    def make(**wish: Any) -> MadeEvaluation:
        return build_run(tmp_path_factory.mktemp("made") / "run", Wish(**wish))

    return make


def build_run(root: Path, wish: Wish) -> MadeEvaluation:
    run = RunLayout(root)
    for folder in (run.evaluation, run.checkpoint):
        folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    columns = latent_columns(wish, rng)
    files: dict[str, Callable[[], object]] = {
        "config": lambda: run.config.write_text(yaml.safe_dump(CONFIG)),
        "metrics": lambda: run.metrics.write_text(metrics_lines(wish, rng)),
        "checkpoint": lambda: write_json(run.checkpoint / "config.json", checkpoint_config(wish)),
        "examples": lambda: parquet.write_table(examples_table(wish, rng), run.examples),
    }
    for name, write in files.items():
        if name not in wish.omit:
            write()
    write_json(run.summary, summary(wish, kinds_of(wish, np.random.default_rng(7))))
    kept = {name: values for name, values in columns.items() if name not in wish.drop}
    parquet.write_table(pa.table(kept), run.latents_parquet)
    return MadeEvaluation(run)


CONFIG = {"sparsity": "batch_topk", "k": 32, "d_sae": 600, "tokens": 4_000_000, "seed": 0}


def write_json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values))


def checkpoint_config(wish: Wish) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "sources": [
            {
                "key": name,
                "model": name.rpartition("@")[0],
                "revision": None,
                "layer": 2 - i,
                "site": "residual",
                "d_model": width,
            }
            for i, (name, width) in enumerate(zip(wish.names, wish.widths, strict=True))
        ],
        "d_sae": wish.d_sae,
        "activation_fn": {"name": "batch_topk", "k": 32},
        "normalisation": {"scale": list(wish.scales), "mean": False, "folded": False},
        "store_fingerprint": "3f" * 32,
    }


def kinds_of(wish: Wish, rng: np.random.Generator) -> np.ndarray:
    letters = string.ascii_lowercase[: len(wish.names)]
    names = ["shared", *(f"{x}_only" for x in letters), "other", "dead"]
    shares = np.array([0.62, *[0.06] * len(letters), 0.2, 0.05])
    kinds = rng.choice(names, size=wish.d_sae, p=shares / shares.sum())
    if wish.all_dead:
        kinds[:] = "dead"
    if wish.only:
        kinds[:] = wish.only
    return kinds


def norms_of(kinds: np.ndarray, wish: Wish, rng: np.random.Generator) -> np.ndarray:
    """[d_sae, sources] decoder norms that fit the classes by delta_norm."""
    n = len(wish.names)
    norms = 0.6 + 0.1 * rng.random((len(kinds), 1)) + rng.normal(0, 0.012, (len(kinds), n))
    other = kinds == "other"
    norms[other, 0] *= 0.25 + 0.5 * rng.random(other.sum())
    for i in range(n):
        others = [j for j in range(n) if j != i]
        mine = kinds == f"{string.ascii_lowercase[i]}_only"
        norms[np.ix_(mine, others)] *= 0.02 + 0.12 * rng.random((mine.sum(), n - 1))
    return norms


def latent_columns(wish: Wish, rng: np.random.Generator) -> Columns:
    kinds = kinds_of(wish, rng)
    n, alive = len(kinds), kinds != "dead"
    norms = norms_of(kinds, wish, rng)
    letters = string.ascii_lowercase[: len(wish.names)]
    frequency = np.where(alive, np.minimum(10 ** rng.normal(-2.2, 0.7, n), 0.9), 0.0)
    columns: Columns = {
        "latent": pa.array(np.arange(n), pa.int32()),
        "class": pa.array(kinds.tolist()),
        "frequency": frequency,
        "mean_activation": frequency * 1.7,
        "max_activation": np.where(alive, 2 + 9 * rng.random(n), 0.0),
        **{f"norm_{x}": norms[:, i] for i, x in enumerate(letters)},
        **{f"norm_folded_{x}": norms[:, i] / wish.scales[i] for i, x in enumerate(letters)},
    }
    for (i, p), (j, q) in itertools.combinations(enumerate(letters), 2):
        suffix = "" if len(letters) == 2 else f"_{p}_{q}"
        pair = pair_columns(kinds, norms[:, [i, j]], wish, rng)
        columns |= {f"{name}{suffix}": values for name, values in pair.items()}
    if len(letters) > 2:
        columns |= class_columns(columns.pop("class"), letters)
        columns |= profile_columns(norms)
    for i, part in enumerate(wish.parts):
        columns[f"frequency_{part}"] = np.where(rng.random(n) < 0.8, frequency / (1 + i / 2), 0.0)
    if wish.nulls:
        keep = ("latent", "class", "class_a_b", "class_a_c", "class_b_c")
        columns = {k: v if k in keep else pa.nulls(n, pa.float64()) for k, v in columns.items()}
    return columns


def profile_columns(norms: np.ndarray) -> Columns:
    """Where latents are largest, and the first source with half of that."""
    first = (norms >= norms.max(axis=1, keepdims=True) / 2).argmax(axis=1)
    return {
        "peak_source": norms.argmax(axis=1).astype(float),
        "birth_source_50": first.astype(float),
    }


def class_columns(kinds: pa.Array, letters: str) -> Columns:
    """With more than two sources each pair has its own class: `class_a_b`, …"""

    def of_pair(kind: str, pair: tuple[str, str]) -> str:
        foreign = kind.endswith("_only") and kind[0] not in pair
        return "other" if foreign else kind

    return {
        f"class_{p}_{q}": pa.array([of_pair(kind, (p, q)) for kind in kinds.to_pylist()])
        for p, q in itertools.combinations(letters, 2)
    }


def pair_columns(
    kinds: np.ndarray, norms: np.ndarray, wish: Wish, rng: np.random.Generator
) -> Columns:
    a, b = norms[:, 0], norms[:, 1]
    n = len(kinds)
    nothing = pa.nulls(n, pa.float64())
    equal = len(set(wish.widths)) == 1
    dead = kinds == "dead"
    shared = kinds == "shared"
    near = np.where(shared, 0.95, np.where(kinds == "other", 0.6, 0.06))
    noise = {k: rng.normal(0, 0.08, n) for k in ("r", "e", "rm", "em")}

    def known(values: np.ndarray) -> pa.Array:
        return pa.array(values, mask=dead) if equal else nothing

    return {
        "rel_norm": b / (a + b),
        "delta_norm": 0.5 * ((b - a) / np.maximum(a, b) + 1),
        "cosine": known(
            np.where(shared, 1 - np.abs(rng.normal(0, 0.12, n)), rng.uniform(-0.3, 0.7, n))
        ),
        "cosine_encoder": known(
            np.where(shared, 1 - np.abs(rng.normal(0, 0.3, n)), rng.uniform(-0.4, 0.6, n))
        ),
        "nu_reconstruction": known(near + noise["r"]),
        "nu_error": known(near * rng.random(n) + noise["e"] * (1 + 8 * (rng.random(n) < 0.02))),
        "nu_reconstruction_mirror": known(near + noise["rm"]),
        "nu_error_mirror": known(near * rng.random(n) + noise["em"]),
    }


def summary(wish: Wish, kinds: np.ndarray) -> dict[str, Any]:
    letters = string.ascii_lowercase[: len(wish.names)]
    values: dict[str, Any] = {"l0": 31.87, "l0_ci": [31.2, 32.5], "fve": 0.8631}
    values |= {"fve_ci": [0.859, 0.867], "dead_fraction": float(np.mean(kinds == "dead"))}
    for i, x in enumerate(letters):
        values |= {f"fve_{x}": 0.871 - 0.017 * i, f"fve_{x}_ci": [0.866 - 0.017 * i, 0.876]}
        values |= {f"mse_{x}": 16.4 + i, f"n_{x}_only": int(np.sum(kinds == f"{x}_only"))}
        values |= {f"ce_clean_{x}": None, f"ce_delta_{x}": None}
    for stem, value in (
        ("sharedness", 0.942),
        ("sharedness_literal", 0.471),
        ("alignment", 0.611),
        ("alignment_chance", 0.213),
        ("alignment_adjusted", 0.506),
        ("cosine_shared_median", 0.913),
        ("cosine_random_mean", 0.02),
    ):
        key = stem if len(letters) == 2 else f"{stem}_a_b"
        values[key] = value
    for name in ("shared", "other", "dead"):
        values[f"n_{name}"] = int(np.sum(kinds == name))
    why = "needs the language models, which the evaluator does not run"
    values["not_measured"] = {f"ce_clean_{x}": why for x in letters} | {"cka": "not asked for"}
    if wish.nulls:
        values = {k: v if k == "not_measured" else None for k, v in values.items()}
    return values | wish.summary


def metrics_lines(wish: Wish, rng: np.random.Generator) -> str:
    letters = string.ascii_lowercase[: len(wish.names)]
    lines = []
    for step in range(0, 3900, 50):
        x = step / 3900
        missing = 0.9 * np.exp(-12 * x)
        row = {"step": step, "tokens": step * 1024, "lr": 5e-4}
        row |= {
            "train/loss": 30 + 300 * np.exp(-9 * x) + rng.normal(),
            "train/l0": 32 + rng.normal(),
        }
        fve = {f"fve_{name}": 0.87 - 0.02 * i - missing for i, name in enumerate(letters)}
        fve["fve"] = 0.86 - missing
        row |= {f"train/{name}": value for name, value in fve.items()}
        if step % 250 == 0:
            row |= {f"val/{name}": value - 0.01 for name, value in fve.items()} | {"val/l0": 31.0}
        lines.append(json.dumps(row))
    return "\n".join(lines) + "\n"


def stdlib_pieces() -> list[str]:
    return re.findall(r" ?\w+|\n+|[ \t]+|[^\w\s]+", inspect.getsource(json.decoder))


def examples_table(wish: Wish, rng: np.random.Generator) -> pa.Table:
    kinds = kinds_of(wish, np.random.default_rng(7))
    pieces = list(wish.tokens) if wish.tokens else stdlib_pieces()
    rows: dict[str, list[Any]] = {name: [] for name in EXAMPLE_SCHEMA.names}
    for kind in dict.fromkeys(kinds.tolist()):
        for latent in np.flatnonzero(kinds == kind)[: wish.per_class] if kind != "dead" else ():
            for rank in range(10):
                example_row(rows, int(latent), rank, pieces, rng)
    return pa.table(rows, schema=EXAMPLE_SCHEMA)


EXAMPLE_SCHEMA = pa.schema(
    {
        "latent": pa.int32(),
        "rank": pa.int32(),
        "row": pa.int64(),
        "sequence": pa.int64(),
        "position": pa.int32(),
        "activation": pa.float32(),
        "tokens": pa.list_(pa.string()),
        "activations": pa.list_(pa.float32()),
        "center": pa.int32(),
    }
)


def example_row(
    rows: dict[str, list[Any]], latent: int, rank: int, pieces: list[str], rng: np.random.Generator
) -> None:
    at = int(rng.integers(0, max(len(pieces) - 19, 1)))
    context = pieces[at : at + 19]
    center = min(12, len(context) - 1)
    activations = np.where(rng.random(len(context)) < 0.15, 5 * rng.random(len(context)), 0.0)
    activations[center] = 9.0 - 0.4 * rank
    values = (
        latent,
        rank,
        at + center,
        rank,
        center,
        activations[center],
        context,
        activations.tolist(),
        center,
    )
    for name, value in zip(EXAMPLE_SCHEMA.names, values, strict=True):
        rows[name].append(value)
