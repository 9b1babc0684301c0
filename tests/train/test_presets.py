"""Every number of every recipe, as the papers and their code have it."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import planted
import pytest
import yaml

from xc.store_schema import ActivationStore, Checkpoint, RunLayout, Silent
from xc.train import PRESETS, TrainConfig, train

DOCS = Path(__file__).parents[2] / "docs" / "training.md"

KISSANE: dict[str, Any] = {
    "sparsity": "l1", "code_norm": "crosscoder", "d_sae": 16384, "expansion_factor": None,
    "l1_coeff": 2.0, "l1_warmup": 0.05, "reconstruction": "squared", "auxk_coeff": 0.0,
    "normalisation": "mean_norm", "centre": False, "init_norm": 0.08, "init_encoder": "transpose",
    "init_same": False, "init_decoder_bias": "zero", "lr": 5e-5, "lr_warmup_steps": 0,
    "lr_decay": 0.2, "clip_norm": 1.0, "tokens": 400_000_000, "batch_size": 4096,
    "grad_accumulation": 1, "seed": 49, "shuffle_seed": 49, "shared_fraction": 0.0,
    "exclusive": (), "source_weights": (), "matryoshka": (), "until_fve": None,
}  # fmt: skip
BECKER = KISSANE | {"tokens": 200_000_000, "batch_size": 1024}
ANTHROPIC_SHARED = KISSANE | {"shared_fraction": 0.05, "shared_penalty": 0.15}
MINDER_L1: dict[str, Any] = KISSANE | {
    "d_sae": None, "expansion_factor": 32, "l1_coeff": 0.041, "l1_warmup": 0.0,
    "reconstruction": "norm", "normalisation": "none", "init_norm": 0.005, "init_same": True,
    "lr": 1e-4, "lr_warmup_steps": 1000, "lr_decay": 0.0, "clip_norm": None,
    "tokens": 200_000_000, "batch_size": 2048, "seed": 42, "shuffle_seed": 42,
}  # fmt: skip
MINDER_BATCHTOPK = MINDER_L1 | {
    "sparsity": "batch_topk", "l1_coeff": 2.0, "l1_warmup": 0.05, "k": 100, "k_start": None,
    "k_anneal_steps": 0, "auxk_coeff": 1 / 32, "auxk_k": 512, "dead_after_tokens": 10_000_000,
    "init_norm": 1.0, "init_decoder_bias": "geometric_median", "clip_norm": 1.0,
}  # fmt: skip
DFC = MINDER_BATCHTOPK | {
    "d_sae": 131072, "expansion_factor": None, "k": 200, "auxk_k": None, "exclusive": (0.05, 0.05),
    "normalisation": "rms", "centre": True, "init_same": False, "tokens": 204_800_000,
}  # fmt: skip
PINNED = {
    "kissane": KISSANE,
    "becker": BECKER,
    "anthropic-shared": ANTHROPIC_SHARED,
    "minder-l1": MINDER_L1,
    "minder-batchtopk": MINDER_BATCHTOPK,
    "dfc": DFC,
}
STEPS = {
    "kissane": 97_656,
    "becker": 195_312,
    "anthropic-shared": 97_656,
    "minder-l1": 97_656,
    "minder-batchtopk": 97_656,
    "dfc": 100_000,
}


@pytest.mark.parametrize("name", sorted(PINNED))
def test_pinned(name: str) -> None:
    config = TrainConfig.resolve({"preset": name})
    assert {k: config.__dict__[k] for k in PINNED[name]} == PINNED[name]
    assert config.steps == STEPS[name]


def test_every_preset_is_pinned_in_every_number_it_sets() -> None:
    assert set(PINNED) == set(PRESETS)
    for name, values in PRESETS.items():
        assert set(values) <= set(PINNED[name])


def test_the_plain_defaults() -> None:
    plain = TrainConfig.resolve({})
    assert plain == TrainConfig()
    assert (plain.sparsity, plain.k, plain.reconstruction) == ("batch_topk", 64, "squared")
    assert (plain.init_norm, plain.init_decoder_bias) == (0.08, "geometric_median")
    assert (plain.shared_fraction, plain.exclusive, plain.init_encoder) == (0.0, (), "transpose")
    l1 = TrainConfig.resolve({"sparsity": "l1"})
    assert (l1.l1_coeff, l1.auxk_coeff, l1.normalisation) == (2.0, 0.0, "mean_norm")


def test_presets_set_known_fields_only() -> None:
    known = {f.name for f in dataclasses.fields(TrainConfig)}
    for values in PRESETS.values():
        assert set(values) <= known


def test_the_table_of_the_docs_holds_every_number() -> None:
    rows = [line for line in DOCS.read_text("utf-8").splitlines() if line.startswith("|")]
    cells = [[c.strip().strip("`") for c in row.strip("|").split("|")] for row in rows]
    start = next(i for i, row in enumerate(cells) if row[1:] == list(PRESETS))
    names = cells[start][1:]
    table: dict[str, dict[str, str]] = {}
    for row in cells[start + 2 :]:
        if len(row) != len(names) + 1:
            break
        table[row[0]] = dict(zip(names, row[1:], strict=True))
    fields = {field for values in PRESETS.values() for field in values}
    assert set(table) == fields | {"steps"}
    for name, values in PRESETS.items():
        for field in fields:
            assert table[field][name] == written(values.get(field, "")), (field, name)
        assert table["steps"][name] == f"{STEPS[name]:,}"


def written(value: Any) -> str:
    """A value as the docs write it."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return "1/32" if value == 1 / 32 else f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def planted_store(folder: Path, widths: tuple[int, int]) -> ActivationStore:
    """640 rows of two sources."""
    truth = planted.make_truth(20 * 32, widths=widths)
    return planted.write_store(folder / "two.zarr", truth, planted.make_plan(n_sequences=20))


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return planted_store(tmp_path_factory.mktemp("twins"), (16, 16))


@pytest.fixture(scope="module")
def unequal(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return planted_store(tmp_path_factory.mktemp("unequal"), (16, 12))


TINY: dict[str, Any] = {
    "d_sae": 40, "k": 4, "tokens": 20 * 32, "batch_size": 32, "device": "cpu",
}  # fmt: skip


def go(store: ActivationStore, run: RunLayout, **values: Any) -> Checkpoint:
    report = train(TrainConfig.resolve({**TINY, **values}), store=store, run=run, progress=Silent())
    assert report.steps == 20
    assert all(math.isfinite(v) for v in report.fve.values())
    return Checkpoint.load(run.root)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_runs_end_to_end(
    unequal: ActivationStore, twins: ActivationStore, run: RunLayout, preset: str
) -> None:
    tied = preset == "anthropic-shared"
    checkpoint = go(twins if tied else unequal, run, preset=preset)
    written = yaml.safe_load(run.config.read_text())["train"]
    assert written["preset"] == preset
    assert TrainConfig.resolve(written).preset == preset
    names = [g["name"] for g in checkpoint.partition]
    expected = {"anthropic-shared": ["shared", "plain"], "dfc": ["exclusive", "exclusive", "plain"]}
    assert names == expected.get(preset, [])


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_trains_on_centred_rows(
    twins: ActivationStore, run: RunLayout, preset: str
) -> None:
    checkpoint = go(twins, run, preset=preset, centre=True)
    assert checkpoint.mean is not None
    for key, mean in zip(("alpha@1", "beta@2"), checkpoint.mean, strict=True):
        assert mean == pytest.approx(twins.statistics(key).mean, rel=1e-6)
