"""Who is writing: processes know of each other, and wait where they must."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from folders import contents

from xc.store_schema import ActivationStore, RequestError, StorePlan, StoreWriter
from xc.store_schema.locks import WriterLock, changing_attributes
from xc.store_schema.places import place

SCRIPTS = Path(__file__).parent / "scripts"


def test_alone_until_another_comes(store_path: Path) -> None:
    first = WriterLock(store_path)
    with first.alone() as alone:
        assert alone
    second = WriterLock(store_path)
    with first.alone() as alone:
        assert not alone
    second.close()
    second.close()
    with first.alone() as alone:
        assert alone


def test_a_writer_knows_of_another(store_path: Path) -> None:
    before = contents(store_path)
    one = StoreWriter.open(store_path)
    assert not one.others_active
    other = StoreWriter.open(store_path)
    assert one.others_active
    assert other.others_active
    del other
    assert not one.others_active
    assert contents(store_path) == before


def test_a_process_that_is_killed_lets_go(store_path: Path) -> None:
    script = "import sys, xc.store_schema as s; w = s.StoreWriter.open(sys.argv[1]); " \
        "print(1, flush=True); input()"  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", script, store_path], stdout=subprocess.PIPE,
                               stdin=subprocess.PIPE)  # fmt: skip
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        writer = StoreWriter.open(store_path)
        assert writer.others_active
        process.kill()
    assert not writer.others_active


@pytest.mark.parametrize("lost", ["", "rows/zarr.json"])
def test_a_store_that_may_not_be_written_to_is_locked_too(store_path: Path, lost: str) -> None:
    (store_path / "rows/zarr.json").chmod(0o400)
    if lost:
        (store_path / lost).unlink()
    first, _second = WriterLock(store_path), WriterLock(store_path)
    with first.alone() as alone:
        assert not alone


def test_elsewhere_a_writer_takes_itself_to_be_alone() -> None:
    first, _second = WriterLock(place("memory://x")), WriterLock(place("memory://x"))
    with first.alone() as alone, changing_attributes(place("memory://x")):
        assert alone


def test_two_that_create_and_fill_the_same_store_at_once(
    tmp_path: Path, plan: StorePlan, store: ActivationStore
) -> None:
    path = tmp_path / "both.zarr"
    (tmp_path / "plan").write_bytes(pickle.dumps(plan))
    command = [sys.executable, SCRIPTS / "create_and_fill.py", path, tmp_path / "plan", store.path]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert contents(path) == contents(store.path)
    assert [p.name for p in tmp_path.iterdir() if "both" in p.name] == ["both.zarr"]


def test_what_another_made_meanwhile_is_joined_only_if_it_is_the_same(
    store_path: Path, plan: StorePlan
) -> None:
    assert StoreWriter.create(store_path, plan, join=True).attributes["complete"]
    other = json.loads((store_path / "zarr.json").read_text())
    other["attributes"]["fingerprint"] = "0"
    (store_path / "zarr.json").write_text(json.dumps(other))
    with pytest.raises(RequestError, match="exists already"):
        StoreWriter.create(store_path, plan, join=True)


def test_attributes_are_read_again_before_they_change(
    unfinished: StoreWriter, store: ActivationStore
) -> None:
    stale = StoreWriter.open(unfinished.path)
    unfinished.add_sources(store.sources, codec="bf16", tuples=[("beta@2", "alpha@1")])
    stale.add_sources(store.sources, codec="bf16", tuples=[("beta@2", "beta@2")])
    assert stale.attributes["tuples"][1:] == [["beta@2", "alpha@1"], ["beta@2", "beta@2"]]
    rows = np.ones((64, 16), np.float32)
    unfinished.write_shard("alpha@1", 0, rows)
    assert stale.missing("alpha@1") == [1, 2]
