"""`xc evaluate --ce` as typed, against a hub cache, and where models are not to be had."""

import json
import shutil
import time
from pathlib import Path

import pytest
from typed_world import World, make_world

from xc.store_schema import RunLayout

pytestmark = pytest.mark.slow
CE = ("evaluate", "--ce", "--no-report", "--bootstrap", "20")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = make_world(tmp_path_factory.mktemp("world"))
    for words in (("harvest", "gpt2", "distilgpt2", "--layer", "6,3"), ("train",)):
        done = world.xc(*words)
        assert done.returncode == 0, done.stderr
    return world


def summary_of(world: World) -> dict[str, float]:
    path = RunLayout(world.folder / "runs" / "default").summary
    found: dict[str, float] = json.loads(path.read_text())
    return found


def test_without_a_hub_one_line_says_so(trained):
    gone = World(trained.folder, {}, {**trained.environment, "HF_HOME": "/nowhere"}, {})
    done = gone.xc(*CE)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "no source can be spliced" in done.stderr
    assert "gpt2" in done.stderr


def test_it_finds_the_models_by_what_the_store_says(trained):
    done = trained.xc(*CE)
    assert done.returncode == 0, done.stderr
    found = summary_of(trained)
    for letter in "ab":
        assert found[f"ce_clean_{letter}"] > 0
        assert found[f"ce_zero_{letter}"] > 0
    assert trained.xc("verify", "runs/default").returncode == 0
    told = trained.xc("inspect", "runs/default")
    assert told.returncode == 0, told.stderr


def test_after_a_kill_a_source_that_was_measured_is_not_run_again(trained):
    layout = RunLayout(trained.folder / "runs" / "default")
    shutil.rmtree(layout.evaluation, ignore_errors=True)
    first = layout.ce / "a.parquet"
    process = trained.start(*CE)
    while not first.is_file() and process.poll() is None:
        time.sleep(0.001)
    process.kill()
    process.wait()
    before = first.stat().st_mtime_ns
    done = trained.xc(*CE)
    assert done.returncode == 0, done.stderr
    assert first.stat().st_mtime_ns == before
    assert "gpt2@6, spliced" not in done.stdout + done.stderr
    assert summary_of(trained)["ce_recovered_b"] is not None


def test_a_file_asks_for_it_too(trained):
    file = Path(trained.folder / "pipeline.yaml")
    shutil.rmtree(trained.folder / "runs" / "default" / "evaluation")
    more = "models: [gpt2, distilgpt2], layers: ['6,3'], "
    text = file.read_text().replace("harvest: {", "harvest: {" + more)
    file.write_text(text + "evaluate: {ce: true, report: false, bootstrap: 20}\n")
    done = trained.xc("run")
    assert done.returncode == 0, done.stderr
    assert summary_of(trained)["ce_recovered_a_ci"] is not None
