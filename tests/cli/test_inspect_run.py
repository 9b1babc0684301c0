"""A run on one screen: finished, underway, of a derived source, imported."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import planted
import pytest
import torch
from training import short
from typer.testing import CliRunner

from xc.cli.inspect_run import read_config, run_lines
from xc.cli.main import build_app
from xc.evaluate import EvaluateConfig, evaluate
from xc.store_schema import ActivationStore, RunLayout, Silent
from xc.store_schema.describe import describe
from xc.train import train


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    plan = planted.make_plan(n_sequences=20)
    folder = tmp_path_factory.mktemp("inspect")
    return planted.write_store(folder / "acts.zarr", planted.make_truth(plan.n_rows), plan)


def trained(store: ActivationStore, **values: Any) -> RunLayout:
    run = RunLayout(store.path.parent / "run")
    shutil.rmtree(run.root, ignore_errors=True)
    config = short(d_sae=16, k=2, tokens=12 * 64, **values)
    train(config, store=store, run=run, progress=Silent())
    return run


def lines(run: RunLayout) -> list[str]:
    return run_lines(run.root, describe(run.root), read_config(run.root) or {})


def inspected(*words: str) -> str:
    return CliRunner().invoke(build_app(["inspect"]), ["inspect", *words]).output


def test_a_run_says_what_it_is(store: ActivationStore) -> None:
    run = trained(store, exclusive=(0.25, 0.25), code_norm="sae", drop_sinks=False)
    text = " ".join(inspected(str(run.root)).split())
    for said in (
        "finished, not evaluated",
        "alpha@1: alpha, residual, layer 1, 16 wide",
        "16 latents, batch_topk, code_norm sae, k 2, θ ",
        "groups 4 exclusive to alpha@1, 4 exclusive to beta@2, 8 plain",
        "sparsity batch_topk, code_norm sae, k 2,",
        "exclusive 0.25,0.25",
        "rows every role and part, attention sinks kept",
        "trained 12 steps, 768 tokens",
        "512 unique rows of 512",
        "mixing 1.000",
        f"ran with cpu, {torch.backends.cpu.get_cpu_capability()}, threads ",
        f"torch {torch.__version__}",
    ):
        assert said in text
    assert max(len(line) for line in lines(run) if "/" not in line) <= 80
    about = json.loads(inspected(str(run.root), "--json"))
    assert about["config"]["train"]["k"] == 2


def test_an_evaluated_run_says_what_it_came_to(store: ActivationStore) -> None:
    run = trained(store)
    measures = EvaluateConfig(metrics=("l0",), bootstrap=0, report=False)
    found = evaluate(measures, run=run, store=store, progress=Silent()).summary
    text = "\n".join(lines(run))
    assert "finished, evaluated" in text
    assert f"evaluated  l0 {found['l0']:.1f}\n" in text + "\n"


def test_a_derived_source_has_no_layer_and_warnings_stand_once(store: ActivationStore) -> None:
    run = trained(store, sources=("alpha@1 - beta@2",), sparsity="l1")
    with run.metrics.open("a") as file:
        file.write('{"step": 12, "val/l0": 3.0, "warning/x": "a\\u001b[2Jwarning"}\n')
    text = inspected(str(run.root))
    assert "alpha@1 - beta@2: difference, 16 wide" in text
    assert "layer -1" not in text
    assert text.count("\ufffd[2Jwarning") == 1
    assert "k 2" not in text
    assert "l1_coeff 2" in text
    assert re.search(r"layer +none", inspected(str(run.checkpoint)))


def test_a_run_underway_says_how_far_it_is(store: ActivationStore) -> None:
    run = trained(store)
    shutil.rmtree(run.checkpoint)
    assert lines(run)[1].startswith("state      not finished (step 12 of 12), ")
    run.metrics.unlink()
    assert "not finished (step 0 of 12)" in lines(run)[1]


def test_an_import_says_whence(planted_run: RunLayout) -> None:
    planted_run.config.write_text(
        "store: null\nimport: {reference: o/n, commit: abc, format: becker}\n"
    )
    assert any(line == "imported   o/n @abc, format becker" for line in lines(planted_run))


def test_a_stream_of_many_windows(store: ActivationStore) -> None:
    run = trained(store)
    about = describe(run.root)
    about["stream"] |= {"mixing": None, "windows": 9, "reads": 4}
    text = " ".join(" ".join(run_lines(run.root, about, {})).split())
    assert "mixing not known, 9 windows, rows read 4 times" in text


def test_a_run_without_a_configuration_is_described(planted_run: RunLayout) -> None:
    assert not planted_run.config.exists()
    assert "checkpoint.d_sae" in inspected(str(planted_run.root))


def test_what_is_no_configuration(tmp_path: Path) -> None:
    assert read_config(tmp_path) is None
    (tmp_path / "config.yaml").write_text("a: [")
    assert read_config(tmp_path) is None
