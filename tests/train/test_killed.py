"""SIGKILL after every step and at random moments: the run ends with the bytes of a whole one."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stopping import Stop
from training import short, tree

from xc.store_schema import ActivationStore, DamageError, RunLayout, Silent
from xc.train import train

SCRIPT = Path(__file__).parent / "scripts" / "kill_train.py"


def killed(how: str, store: ActivationStore, folder: Path) -> dict[str, Any]:
    search = os.pathsep.join(p for p in sys.path if p)
    done = subprocess.run(
        [sys.executable, SCRIPT, how, store.path, folder, "3"],
        env={**os.environ, "PYTHONPATH": search}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["undisturbed"] == report["last"] == 0, done.stderr
    return report


@pytest.mark.slow
def test_after_every_step(store: ActivationStore, tmp_path: Path) -> None:
    report = killed("steps", store, tmp_path)
    assert report["ends"] == [-signal.SIGKILL] * 24
    assert report["differ"] == []


@pytest.mark.slow
def test_at_twenty_random_moments(store: ActivationStore, tmp_path: Path) -> None:
    report = killed("moments", store, tmp_path)
    assert len(report["ends"]) == 20
    assert set(report["ends"]) <= {-signal.SIGKILL, -signal.SIGTERM, 130}
    assert report["ends"].count(-signal.SIGKILL) >= 10
    assert report["differ"] == []


def test_without_the_damaged_state_the_one_before_it_serves(
    store: ActivationStore, run: RunLayout, tmp_path: Path
) -> None:
    whole = RunLayout(tmp_path / "whole")
    train(short(), store=store, run=whole, progress=Silent())
    with pytest.raises(KeyboardInterrupt):
        train(short(), store=store, run=run, progress=Stop(17, KeyboardInterrupt))
    damaged = run.state / "step-000000000017"
    (damaged / "state.safetensors").write_bytes(b"short")
    with pytest.raises(DamageError, match="step-000000000017 to go on from the state before it"):
        train(short(), store=store, run=run, progress=Silent())
    shutil.rmtree(damaged)
    train(short(), store=store, run=run, progress=Silent())
    assert tree(run.root) == tree(whole.root)
