"""Processes of the scheduler `processes`: they end with it, and keep to a core each."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pooled import blas_threads

from xc.evaluate.scheduler import compute
from xc.evaluate.task_graph import tree
from xc.store_schema import Silent

SCRIPT = Path(__file__).parent / "scripts" / "slow_pool.py"
PATIENCE = 60
"""Seconds; it takes one or two."""


def is_free(lock: Path) -> bool:
    """Whether the process that held it is gone: zombies hold none."""
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def ends_in_time(locks: list[Path]) -> bool:
    last = time.monotonic() + PATIENCE
    while time.monotonic() < last:
        if all(map(is_free, locks)):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_they_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    search = os.pathsep.join(p for p in sys.path if p)
    with subprocess.Popen(
        [sys.executable, SCRIPT, tmp_path],
        env={**os.environ, "PYTHONPATH": search},
        stderr=subprocess.PIPE,
    ) as parent:
        while len(locks := list(tmp_path.iterdir())) < 2 or any(map(is_free, locks)):
            assert parent.poll() is None
            time.sleep(0.05)
        parent.kill()
        parent.wait()
        try:
            assert ends_in_time(locks)
        finally:
            for lock in locks:
                if not is_free(lock):
                    os.kill(int(lock.name), signal.SIGKILL)
        assert parent.stderr is not None
        assert b"Traceback" not in parent.stderr.read()


def test_their_tasks_have_one_thread_of_blas() -> None:
    graph = tree([(0, 1), (1, 2)], blas_threads, max)
    found = compute(graph, scheduler="processes", progress=Silent(), title="", rows=0)
    assert found == 1
