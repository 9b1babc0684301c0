"""The three commands as typed, against a hub cache that holds `gpt2` and `distilgpt2`."""

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import hub_cache
import ml_dtypes
import numpy as np
import pytest
import torch

from xc.store_schema import ActivationStore, Checkpoint, LatentTable, RunLayout

XC = str(Path(sys.executable).parent / "xc")

PIPELINE = """
harvest: {dataset: text.txt, tokens: 6000, seq_len: 32, shard_rows: 2048, chunk_rows: 256}
train: {tokens: 40000, batch_size: 256, d_sae: 64, k: 8, lr: 0.003}
"""


@dataclass(frozen=True)
class World:
    folder: Path
    models: dict[str, torch.nn.Module]
    environment: dict[str, str]
    commits: dict[str, str]

    def xc(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [XC, *words], cwd=self.folder, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip


def _text() -> str:
    draw = random.Random(0)
    words = [f"{a}{b}" for a in ["alpha", "beta", "gamma", "delta"] for b in ("", "ing", "ed")]
    lines = (" ".join(draw.choices(words, k=draw.randint(3, 60))) for _ in range(600))
    return "\n\n".join(lines)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("world")
    text = _text()
    (folder / "text.txt").write_text(text)
    (folder / "pipeline.yaml").write_text(PIPELINE)
    tokenizer = hub_cache.make_tokenizer([text])
    models = {
        "gpt2": hub_cache.make_gpt2(12, len(tokenizer), seed=1),
        "distilgpt2": hub_cache.make_gpt2(6, len(tokenizer), seed=2),
    }
    cache = folder / "hf"
    commits = {
        name: hub_cache.put_in_cache(cache, name, m, tokenizer) for name, m in models.items()
    }
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("HF_")},
        "HF_HOME": str(cache),
        "HF_HUB_OFFLINE": "1",
    }
    return World(folder, models, environment, commits)


@pytest.fixture(scope="module")
def harvested(world) -> World:
    done = world.xc("harvest", "gpt2", "distilgpt2", "--layer", "6,3")
    assert done.returncode == 0, done.stderr
    return world


@pytest.fixture(scope="module")
def trained(harvested) -> World:
    done = harvested.xc("train")
    assert done.returncode == 0, done.stderr
    return harvested


def _hidden_states(model: torch.nn.Module, tokens: np.ndarray, layer: int) -> np.ndarray:
    ids = torch.from_numpy(tokens.astype(np.int64))[None]
    with torch.inference_mode():
        states = model(ids, output_hidden_states=True).hidden_states
    return states[layer][0].float().numpy()


@pytest.mark.parametrize(("name", "layer"), [("gpt2", 6), ("distilgpt2", 3)])
def test_rows_are_the_hidden_states(harvested, name, layer):
    store = ActivationStore.open(harvested.folder / "acts.zarr")
    key = f"{name}@{layer}"
    stored = store.activations(key)[:]
    assert store.source(key).revision == harvested.commits[name]
    row = 0
    for i in range(store.sequences.n):
        tokens = store.sequences.tokens(i)
        states = _hidden_states(harvested.models[name], tokens, layer)
        assert tokens[0] == 0
        n = len(tokens) - 1
        expected = states[1:].astype(ml_dtypes.bfloat16).astype(np.float32)
        np.testing.assert_allclose(stored[row : row + n], expected, rtol=2**-7, atol=1e-4)
        exact = np.mean(stored[row : row + n] == expected)
        assert exact > 0.98  # other batches round the last bit of float32 otherwise
        row += n
    assert row == store.n_rows


def test_special_tokens_are_no_rows(harvested):
    store = ActivationStore.open(harvested.folder / "acts.zarr")
    assert (store.rows.token_id[:] != 0).all()
    assert store.n_rows == pytest.approx(6000, abs=32)


def test_harvesting_again_changes_nothing(harvested):
    before = _contents(harvested.folder / "acts.zarr")
    done = harvested.xc("harvest", "gpt2", "distilgpt2", "--layer", "6,3")
    assert done.returncode == 0
    assert _contents(harvested.folder / "acts.zarr") == before


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_train_leaves_a_run(trained):
    run = RunLayout(trained.folder / "runs" / "default")
    checkpoint = Checkpoint.load(run.root)
    assert [s.key for s in checkpoint.sources] == ["gpt2@6", "distilgpt2@3"]
    assert checkpoint.d_sae == 64
    assert LatentTable.open(run.latents).checkpoint_fingerprint == checkpoint.fingerprint
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert lines[-1]["tokens"] > lines[0]["tokens"]


def test_evaluate_leaves_summary_tables_and_report(trained):
    done = trained.xc("evaluate")
    assert done.returncode == 0, done.stderr
    run = RunLayout(trained.folder / "runs" / "default")
    summary = json.loads(run.summary.read_text())
    assert 0 < summary["fve_a"] < 1
    assert (
        summary["n_shared"]
        + summary["n_a_only"]
        + summary["n_b_only"]
        + summary["n_other"]
        + summary["n_dead"]
        == 64
    )
    assert "gpt2@6" in run.report.read_text()
    assert str(run.report.relative_to(trained.folder)) in done.stdout
    assert sorted(p.suffix for p in run.figures.iterdir())[0] == ".png"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["harvest", "gpt2", "distilgpt2", "--layer", "6,9", "--store", "x.zarr"], "0 to 6"),
        (["harvest", "gpt2", "absent", "--layer", "6,3", "--store", "x.zarr"], "absent"),
        (["harvest", "--layer", "6,3", "--store", "x.zarr"], "no model given"),
        (["harvest", "gpt2", "--store", "x.zarr"], "no layer given"),
        (["harvest", "gpt2", "--layer", "6", "--dataset", "no.txt", "--store", "x.zarr"], "no.txt"),
        (["harvest", "gpt2", "--lyer", "6"], "--lyer"),
        (["train", "--store", "no.zarr", "--run", "runs/x"], "no.zarr"),
        (["evaluate", "--run", "runs/none"], "xc train"),
        (["inspect", "nowhere"], "nowhere"),
    ],
)
def test_wrong_requests_exit_2_with_one_line(harvested, words, message):
    done = harvested.xc(*words)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (harvested.folder / "x.zarr").exists()


def test_inspect_as_json(trained):
    for path, kind in [("acts.zarr", "store"), ("runs/default", "run")]:
        done = trained.xc("inspect", path, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["kind"] == kind
