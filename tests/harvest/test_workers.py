"""Workers: disjoint parts that cover all, and processes started, joined, stopped."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from xc.harvest.workers import Worker, end_with_parent, parse_worker, part, run_workers, worker_of
from xc.store_schema import RequestError, XcError

SCRIPT = """
import os, signal, sys, time
worker = sys.argv[-1]
mode, folder = sys.argv[1:3]
open(os.path.join(folder, worker.replace("/", "of")), "w").close()
print("hello from", worker, flush=True)
if mode == "fail" and worker.startswith("2"):
    print("xc: no disk", file=sys.stderr); sys.exit(1)
if mode == "wrong":
    print("xc: no layer 9", file=sys.stderr); sys.exit(2)
if mode == "killed" and worker.startswith("1"):
    os.kill(os.getpid(), signal.SIGKILL)
if mode == "wait":
    time.sleep(60)
"""


@pytest.mark.parametrize(("n_shards", "count"), [(10, 3), (2, 5), (7, 1), (64, 8)])
def test_parts_are_contiguous_disjoint_even_and_cover_all(n_shards, count):
    parts = [part(n_shards, Worker(i, count)) for i in range(1, count + 1)]
    assert [i for p in parts for i in p] == list(range(n_shards))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert part(n_shards, None) == range(n_shards)


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "a/b", "-1/2", "1/0"])
def test_no_worker(text):
    with pytest.raises(RequestError, match="I/N"):
        parse_worker(text)


def test_who_this_process_is():
    torchrun = {"RANK": "1", "WORLD_SIZE": "4"}
    assert worker_of("2/3", workers=1, environment=torchrun) == Worker(2, 3)
    assert worker_of(None, workers=1, environment=torchrun) == Worker(2, 4)
    assert worker_of(None, workers=1, environment={"RANK": "0", "WORLD_SIZE": "1"}) is None
    assert worker_of(None, workers=1, environment={}) is None
    assert worker_of(None, workers=3, environment={}) is None
    with pytest.raises(RequestError, match="--workers 3"):
        worker_of("1/3", workers=3, environment={})


def _run(mode, folder, count=3, ready=lambda: True):
    said: list[str] = []
    command = [sys.executable, "-c", SCRIPT, mode, str(folder)]
    try:
        run_workers(command, count, ready=ready, say=said.append)
    finally:
        said.sort()
    return said


def test_all_run_and_are_heard(tmp_path):
    said = _run("work", tmp_path)
    assert said == [f"worker {i}/3: hello from {i}/3" for i in (1, 2, 3)]


def test_one_that_fails_does_not_stop_the_others(tmp_path):
    with pytest.raises(XcError, match=r"1 of 3 workers failed \(worker 2/3: no disk\)") as caught:
        _run("fail", tmp_path)
    assert caught.value.exit_status == 1
    assert len(list(tmp_path.iterdir())) == 3


def test_one_that_is_killed_is_named(tmp_path):
    with pytest.raises(XcError, match=r"worker 1/3: .*SIGKILL"):
        _run("killed", tmp_path)


def test_a_wrong_request_is_not_made_three_times(tmp_path):
    with pytest.raises(RequestError, match="no layer 9"):
        _run("wrong", tmp_path, ready=lambda: False)
    assert [p.name for p in tmp_path.iterdir()] == ["1of3"]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Where tests run in the background, interrupts are ignored unless somebody asks for them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_stops_all(tmp_path):
    def interrupt():
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        _run("wait", tmp_path, count=2)
    assert time.monotonic() - began < 50


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone tells a child")
def test_a_worker_ends_with_its_starter():
    child = (
        "import os, time; from xc.harvest.workers import end_with_parent;"
        "end_with_parent(os.environ); print(os.getpid(), flush=True); time.sleep(60)"
    )
    parent = (
        "import os, subprocess, sys, time;"
        f"subprocess.Popen([sys.executable, '-c', {child!r}],"
        "env=os.environ | {'XC_WORKER_OF': str(os.getpid())}); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        starter.kill()
    for _ in range(500):
        if not _runs(pid):
            return
        time.sleep(0.02)
    raise AssertionError("the worker outlived its starter")


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_no_starter_no_end():
    end_with_parent({})
