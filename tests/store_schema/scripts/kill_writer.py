"""Kill a store's writer just before chosen file operations, go on, and compare with no kill at all.

Usage: kill_writer.py FOLDER TRIALS. Prints how often it killed, as JSON.

The kill comes from an audit hook of the child: at its n-th opening for writing, renaming, making or
removing of anything, it sends itself SIGKILL. Children are forked, so that every one starts clean.
"""

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

from xc.store_schema import Source, StoreWriter


def fill(path: Path) -> None:
    """What a harvest does: create or continue, add sources in two steps, write, seal."""
    plan = planted.make_plan(n_sequences=6, length=33, shard_rows=64)
    writer = StoreWriter.open(path) if path.exists() else StoreWriter.create(path, plan)
    keys = ("alpha@1", "beta@2")
    sources = [
        Source(key, key[:-2], None, 1, "residual", "none", 4, "float32", "0") for key in keys
    ]
    for count in (1, 2):
        if len(writer.attributes["sources"]) > count:
            continue  # the second request was underway already
        writer.add_sources(sources[:count], codec="bf16", tuples=[keys[:count]])
        for key in keys[:count]:
            for shard in writer.missing(key):
                start, stop = writer.shard_range(shard)
                rng = np.random.default_rng([shard, len(key)])
                writer.write_shard(key, shard, rng.normal(size=(stop - start, 4)))
        writer.seal()


def check_killed(path: Path, reference: dict[str, bytes]) -> None:
    """A store that is there has all its text; a shard that is there is whole, with statistics."""
    for name, data in contents(path).items() if path.exists() else ():
        if name.endswith(".partial") or name in ("zarr.json", "manifest.json"):
            continue
        if data != reference[name]:
            raise SystemExit(f"{name} differs after a kill")
        if name.startswith("activations/") and name.endswith("/0"):
            key, index = name.split("/")[1], name.split("/")[3]
            if not (path / "statistics" / key / "per_shard" / "c" / index / "0").is_file():
                raise SystemExit(f"{name} has no statistics")
    if path.exists() and not all((path / n).is_file() for n in reference if n.startswith("rows")):
        raise SystemExit("a store without all its text")


def main(root: Path, trials: int) -> None:
    generator = random.Random(0)
    whole, path, counted = root / "whole.zarr", root / "killed.zarr", root / "operations"
    in_child(lambda: counted.write_text(str(work_until(lambda: fill(whole), None))))
    operations, reference = int(counted.read_text()), contents(whole)
    kills = 0
    for trial in range(trials):
        shutil.rmtree(path, ignore_errors=True)
        first = 1 + (operations * trial + generator.randrange(operations)) // trials
        for last in (first, generator.randint(1, operations), None):
            kills += not in_child(lambda n=last: work_until(lambda: fill(path), n))
            check_killed(path, reference)
        if contents(path) != reference:
            raise SystemExit("the finished store differs from the uninterrupted one")
    left = {p.name for p in root.iterdir()} - {path.name, whole.name, counted.name}
    if left:
        raise SystemExit(f"left over: {left}")
    print(json.dumps({"kills": kills, "operations": operations}))


main(Path(sys.argv[1]), int(sys.argv[2]))
