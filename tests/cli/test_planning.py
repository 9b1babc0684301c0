"""`xc plan`, `--dry-run` and `--workers` as typed, and a store on one screen."""

import json
import re
from typing import Any

import pytest
from folders import contents
from typed_world import World, make_world

from xc.cli.inspect_store import store_lines
from xc.store_schema import ActivationStore, RunLayout
from xc.store_schema.describe import describe
from xc.store_schema.places import sizes

SMALL = ("--tokens", "3000", "--shard-rows", "1024")
PAIR = ("gpt2", "distilgpt2", "--layer", "6,3")


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def plan(world) -> dict[str, Any]:
    """Of the whole pipeline, made before anything ran."""
    before = _written(world)
    done = world.xc("plan", *PAIR, *SMALL, "--json")
    assert done.returncode == 0, done.stderr
    assert _written(world) == before
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def harvested(plan, world) -> World:
    done = world.xc("harvest", *PAIR, *SMALL)
    assert done.returncode == 0, done.stderr
    return world


def _written(world: World) -> set[str]:
    return {name for name in contents(world.folder) if not name.startswith("hf/")}


@pytest.mark.slow
def test_a_plan_covers_the_pipeline(plan):
    assert plan["fits"]
    assert plan["harvest"]["exact"]
    stages = [plan[stage] for stage in ("harvest", "train", "evaluate")]
    assert plan["bytes"] == sum(stage["bytes"] for stage in stages)
    assert all(stage["seconds"] > 0 and stage["memory"] > 0 for stage in stages)


@pytest.mark.slow
def test_a_pipeline_is_as_large_as_planned(plan, harvested):
    store = sizes(harvested.folder / "acts.zarr")
    assert plan["harvest"]["bytes"] == pytest.approx(sum(store.values()), rel=0.02)
    assert harvested.xc("train").returncode == 0
    run = RunLayout(harvested.folder / "runs" / "default")
    for name, folder in (("checkpoint", run.checkpoint), ("states", run.state)):
        assert plan["train"][name] == pytest.approx(sum(sizes(folder).values()), rel=0.15)


@pytest.mark.slow
def test_a_dry_run_says_what_a_harvest_takes(world):
    done = world.xc("harvest", *PAIR, *SMALL, "--store", "dry.zarr", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert re.search(r"gpt2@6 +3,000 +", done.stdout)
    assert "fits" in done.stdout
    assert not (world.folder / "dry.zarr").exists()


@pytest.mark.slow
def test_a_plan_says_what_is_there(harvested):
    done = harvested.xc("plan", *PAIR, *SMALL, "--no-probe")
    assert "nothing would be added" in done.stdout


@pytest.mark.slow
def test_workers_write_the_rows_that_one_process_writes(harvested):
    world = harvested
    done = world.xc("harvest", *PAIR, *SMALL, "--store", "shared.zarr", "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "worker 2/2: " in done.stdout
    shared, alone = (contents(world.folder / n) for n in ("shared.zarr", "acts.zarr"))
    assert ActivationStore.open(world.folder / "shared.zarr").complete
    arrays = {name for name in alone if not name.endswith((".json", ".lock"))}
    assert {n: shared[n] for n in arrays} == {n: alone[n] for n in arrays}


@pytest.mark.slow
def test_a_store_on_one_screen(harvested):
    about = describe(harvested.folder / "acts.zarr")
    lines = store_lines(about)
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for word in ("complete", "gpt2@6", "distilgpt2@3", "gamma", "CKA", "text.txt", "torch"):
        assert word in text
    assert about["roles"]["neither"] == about["n_rows"]
    assert about["sources"][0]["codec"] == "bf16"
    assert {"comparisons", "segments", "provenance", "sink_multiple"} <= about.keys()
    assert "command   xc harvest gpt2 distilgpt2 --layer 6,3" in text


@pytest.mark.slow
def test_a_name_steers_no_terminal(harvested):
    about = describe(harvested.folder / "acts.zarr")
    about["corpus"]["parts"][0]["name"] = "a\x1b[2J\u202eb\n"
    lines = store_lines(about)
    assert all(line.isprintable() for line in lines)
    assert any("a\ufffd[2J\ufffdb\ufffd" in line for line in lines)


@pytest.mark.slow
def test_a_store_of_many_sources_still_fits_the_screen(harvested):
    about = describe(harvested.folder / "acts.zarr")
    parts = [{"name": "x" * 90, "rows": 1, "documents": 1, "fingerprint": "f"}] * 9
    about["sources"] = about["sources"] * 6
    about["corpus"] = {"parts": parts}
    about["comparisons"] = {f"a|{i}": {"cka": 0.5, "svcca": 0.5, "rows": 1} for i in range(9)}
    about["provenance"] = {"commands": ["xc harvest"] * 9, "environment": about["versions"]}
    lines = store_lines(about)
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
