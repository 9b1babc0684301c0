"""Kill a writer that gives its store a longer text, go on, and compare with no kill at all.

Usage: kill_extension.py FOLDER TRIALS. Prints how often it killed, as JSON. See kill_writer.py.
"""

import dataclasses
import json
import random
import shutil
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))
import planted
from dying import in_child, work_until
from folders import contents

from xc.store_schema import ActivationStore, RequestError, Source, StorePlan, StoreWriter

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
    in_child(lambda: start(first))
    shutil.copytree(first, whole)
    counted = root / "operations"
    in_child(lambda: counted.write_text(str(work_until(lambda: go_on(whole), None))))
    operations, reference = int(counted.read_text()), contents(whole)
    kills = 0
    for trial in range(trials):
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(first, path)
        at = 1 + (operations * trial + generator.randrange(operations)) // trials
        for last in (at, generator.randint(1, operations // 3), None):
            kills += not in_child(lambda n=last: work_until(lambda: go_on(path), n))
            check_killed(path)
        if contents(path) != reference:
            raise SystemExit("the finished store differs from the uninterrupted one")
    print(json.dumps({"kills": kills, "operations": operations}))


main(Path(sys.argv[1]), int(sys.argv[2]))
