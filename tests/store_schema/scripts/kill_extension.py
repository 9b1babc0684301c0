"""Kill a writer that gives its store a longer text, go on, and compare with no kill at all.

Usage: kill_extension.py FOLDER TRIALS. Prints how often it killed, as JSON. See kill_writer.py.
"""

import dataclasses
import json
import os
import random
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))
import planted
from folders import contents

from xc.store_schema import ActivationStore, RequestError, Source, StorePlan, StoreWriter

EVENTS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}
LONG = planted.make_plan(n_sequences=10, length=33, shard_rows=64)


def part(n: int) -> StorePlan:
    """The first sequences of the text."""
    tokens = n * 33
    return dataclasses.replace(
        LONG,
        token_ids=LONG.token_ids[:tokens],
        token_offsets=LONG.token_offsets[: n + 1],
        document=LONG.document[:n],
        split=LONG.split[:n],
        keep=LONG.keep[:tokens],
    )


def write(writer: StoreWriter) -> None:
    for key in writer.keys:
        for shard in writer.missing(key):
            start, stop = writer.shard_range(shard)
            rows = np.random.default_rng(0).normal(size=(320, 4))[start:stop]
            for known in writer.tail(key).values():
                np.testing.assert_allclose(known.astype(float), rows[: len(known)], rtol=1e-2)
            writer.write_shard(key, shard, rows)
    writer.seal()


def start(path: Path) -> None:
    writer = StoreWriter.create(path, part(5))
    sources = [Source("a@1", "a", None, 1, "residual", "none", 4, "float32", "0")]
    writer.add_sources(sources, codec="bf16", tuples=[("a@1",)])
    write(writer)


def go_on(path: Path) -> None:
    writer = StoreWriter.open(path)
    if writer.n_rows < LONG.n_rows:
        writer.extend(LONG)
    write(writer)


def go_on_until(path: Path, last: int | None) -> int:
    """Go on, and die just before the operation of that number; else return how many there were."""
    seen = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if writes or event in EVENTS:
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    go_on(path)
    return seen


def in_child(path: Path, last: int | None, counted: Path | None = None) -> bool:
    child = os.fork()
    if child == 0:
        try:
            seen = go_on_until(path, last)
            if counted is not None:
                counted.write_text(str(seen))
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("a writer failed")
    return os.WIFEXITED(status)


def check_killed(path: Path) -> None:
    """A store that opens as complete is whole, the old one or the new."""
    try:
        store = ActivationStore.open(path)
    except RequestError:
        return
    if not np.isfinite(store.activations("a@1")[:]).all():
        raise SystemExit("a complete store lacks rows")


def main(root: Path, trials: int) -> None:
    generator = random.Random(0)
    first, path, whole = root / "first.zarr", root / "killed.zarr", root / "whole.zarr"
    if not os.fork():
        start(first)
        os._exit(0)
    os.wait()
    shutil.copytree(first, whole)
    in_child(whole, None, root / "operations")
    operations, reference = int((root / "operations").read_text()), contents(whole)
    kills = 0
    for trial in range(trials):
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(first, path)
        at = 1 + (operations * trial + generator.randrange(operations)) // trials
        for last in (at, generator.randint(1, operations // 3), None):
            kills += not in_child(path, last)
            check_killed(path)
        if contents(path) != reference:
            raise SystemExit("the finished store differs from the uninterrupted one")
    print(json.dumps({"kills": kills, "operations": operations}))


main(Path(sys.argv[1]), int(sys.argv[2]))
