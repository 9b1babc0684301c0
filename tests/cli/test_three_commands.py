"""The three commands as typed, against a hub cache that holds `gpt2` and `distilgpt2`."""

import json

import ml_dtypes
import numpy as np
import pytest
import torch
from folders import contents
from typed_world import World, make_world

from xc.store_schema import ActivationStore, Checkpoint, LatentTable, RunLayout


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


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


@pytest.mark.slow
def test_harvesting_again_changes_nothing(harvested):
    before = contents(harvested.folder / "acts.zarr")
    done = harvested.xc("harvest", "gpt2", "distilgpt2", "--layer", "6,3")
    assert done.returncode == 0
    assert contents(harvested.folder / "acts.zarr") == before


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["harvest", "gpt2", "distilgpt2", "--layer", "6,9", "--store", "x.zarr"], "to 6 (last"),
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


@pytest.mark.slow
def test_inspect_as_json(trained):
    for path, kind in [("acts.zarr", "store"), ("runs/default", "run")]:
        done = trained.xc("inspect", path, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["kind"] == kind
