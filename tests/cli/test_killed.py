"""`xc train`, killed and typed again, leaves the bytes of one that was not."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from folders import contents
from typed_world import World, make_world


def _kill_when(world: World, reached: Callable[[], bool], *words: str) -> bool:
    """Type a command and kill it at a moment; whether it was still running then."""
    process = world.start(*words)
    while process.poll() is None and not reached():
        time.sleep(0.002)
    alive = process.poll() is None
    process.kill()
    process.wait()
    return alive


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def undisturbed(world) -> World:
    """A store and a run that nobody killed."""
    harvest = world.xc("harvest", "gpt2", "distilgpt2", "--layer", "6,3", "--store", "whole.zarr")
    assert harvest.returncode == 0, harvest.stderr
    train = world.xc("train", "--store", "whole.zarr", "--run", "runs/whole")
    assert train.returncode == 0, train.stderr
    return world


@pytest.mark.slow
def test_train(undisturbed):
    world = undisturbed
    run = world.folder / "runs" / "killed"
    words = ("train", "--store", "whole.zarr", "--run", "runs/killed")
    kills = 0
    for lines in (4, 12):
        kills += _kill_when(world, lambda n=lines: _lines(run / "metrics.jsonl") >= n, *words)
    assert kills >= 1
    last = world.xc(*words)
    assert last.returncode == 0, last.stderr
    assert contents(run) == contents(world.folder / "runs" / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_train_interrupted(undisturbed, number):
    world = undisturbed
    run = world.folder / "runs" / number.name
    words = ("train", "--store", "whole.zarr", "--run", f"runs/{number.name}")
    process = world.start(*words)
    while process.poll() is None and _lines(run / "metrics.jsonl") < 3:
        time.sleep(0.002)
    process.send_signal(number)
    assert process.wait() == 130
    assert list((run / "state").iterdir())
    last = world.xc(*words)
    assert last.returncode == 0, last.stderr
    assert contents(run) == contents(world.folder / "runs" / "whole")


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.is_file() else 0
