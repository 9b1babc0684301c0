"""Every kind of damage to a store is found, under the file that has it."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from xc.store_schema import SchemaError, StoreWriter
from xc.store_schema.verify import Problem, verify_store
from xc.store_schema.zarr_group import open_group

Damage = Callable[[Path], Any]


class Recorder:
    """Progress that counts."""

    def __init__(self) -> None:
        self.total = self.done = 0

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        self.total += total

    def advance(self, amount: int, **figures: float) -> None:
        self.done += amount

    def note(self, text: str) -> None: ...

    def finish(self) -> None: ...


def test_progress_ends_where_it_said(store_path: Path) -> None:
    watched = Recorder()
    assert verify_store(store_path, watched) == []
    assert watched.done == watched.total > 6


def test_every_damaged_file_is_listed(store_path: Path) -> None:
    spoiled = [
        p.relative_to(store_path).as_posix()
        for p in store_path.rglob("*")
        if p.is_file() and p.name not in ("zarr.json", "manifest.json")
    ]
    for name in spoiled:
        data = bytearray((store_path / name).read_bytes())
        data[len(data) // 2] ^= 1
        (store_path / name).write_bytes(bytes(data))
    listed = {p.file for p in verify_store(store_path)}
    assert listed >= set(spoiled)


@pytest.mark.parametrize("how", ["flip", "cut", "gone", "empty", "grown"])
def test_any_damage_to_any_one_file_is_found(store_path: Path, how: str) -> None:
    generator = random.Random(0)
    files = sorted(p for p in store_path.rglob("*") if p.is_file() and p.name != "zarr.json")
    for file in generator.sample(files, 7):
        good = file.read_bytes()
        where = generator.randrange(len(good))
        flipped = good[:where] + bytes([good[where] ^ 4]) + good[where + 1 :]
        file.write_bytes({"flip": flipped, "cut": good[:where], "empty": b"",
                          "grown": good + b"x", "gone": b""}[how])  # fmt: skip
        if how == "gone":
            file.unlink()
        name = file.relative_to(store_path).as_posix()
        problems = verify_store(store_path)
        assert any(p.file == name or name.startswith(p.file + "/") for p in problems), (name, how)
        file.write_bytes(good)
    assert verify_store(store_path) == []


def put(name: str, index: Any, value: Any) -> Damage:
    def change(path: Path) -> None:
        open_group(path, "r+")[name][index] = value

    return change


def attribute(**values: Any) -> Damage:
    return lambda path: open_group(path, "r+").attrs.update(values)


def statistic(**values: Any) -> Damage:
    def change(path: Path) -> None:
        attrs = open_group(path, "r+").attrs
        known = attrs["statistics"]
        attrs["statistics"] = {**known, "beta@2": {**known["beta@2"], **values}}

    return change


def replace(name: str, values: np.ndarray, **how: Any) -> Damage:
    def change(path: Path) -> None:
        group = open_group(path, "r+")
        group.create_array(
            name, shape=values.shape, dtype=values.dtype, overwrite=True,
            chunks=values.shape, **how,
        )[:] = values  # fmt: skip

    return change


CRC = {"compressors": [zarr.codecs.Crc32cCodec()]}


@pytest.mark.parametrize(
    ("damage", "file", "what"),
    [
        (put("rows/sequence", 9, 5), "rows/sequence", "row 9 does not agree"),
        (put("rows/position", 70, 1), "rows/position", "row 70 does not agree"),
        (put("rows/position", 70, 9), "rows/position", "row 70 does not agree"),
        (put("rows/token_id", 100, 7), "rows/token_id", "row 100 does not agree"),
        (put("rows/mask", 3, False), "zarr.json", "'fingerprint' is not that of the text"),
        (put("sequences/token_ids", 0, 1), "zarr.json", "'fingerprint' is not that of the text"),
        (put("sequences/token_offsets", 2, 9), "sequences/token_offsets", "does not rise"),
        (put("sequences/token_offsets", 20, 7), "sequences/token_offsets", "expected 0 to 180"),
        (put("sequences/row_offsets", 0, 1), "sequences/row_offsets", "expected 0 to 160"),
        (put("sequences/row_offsets", 5, 50), "sequences/row_offsets", "does not rise"),
        (put("sequences/split", 0, 1), "sequences/split", "document 0 lies in both"),
        (put("sequences/split", 0, 1), "zarr.json", "'splits' is not what sequences/split says"),
        (put("sequences/split", 0, 7), "sequences/split", "beside 0"),
        (put("sequences/document", 0, 70), "zarr.json", "'fingerprint'"),
        (put("vocabulary/offsets", 200, 1), "vocabulary/offsets", "runs from 0 to 1"),
        (put("vocabulary/offsets", 1, 900), "vocabulary/offsets", "does not rise"),
        (attribute(splits={"train": [[0, 160]], "heldout": []}), "zarr.json", "'splits'"),
        (attribute(fingerprint="0"), "zarr.json", "'fingerprint'"),
        (attribute(complete=False), "zarr.json", "incomplete: 6 of 6 shards"),
        (attribute(n_rows=161), "rows/mask/zarr.json", r"shape [160]; expected [161]"),
        (attribute(shard_rows=32), "activations/alpha@1/zarr.json", "shards of 64 rows"),
        (attribute(statistics={}), "statistics/alpha@1", "no statistics of alpha@1 yet"),
        (statistic(n=161), "statistics/beta@2", "the n is not that of the activations"),
        (statistic(mean_norm=4.2), "statistics/beta@2", "the mean_norm is not"),
        (statistic(rms_norm=None), "statistics/beta@2", "expected n, mean_norm, rms_norm"),
        (put("statistics/beta@2/mean", 3, 0.1), "statistics/beta@2", "the mean is not"),
        (put("statistics/beta@2/variance", 3, 0.1), "statistics/beta@2", "the variance is not"),
        (put("statistics/beta@2/per_shard", (2, 7), 0.1), "statistics/beta@2/per_shard/c/2/0",
         "the mean is not that of its shard"),
        (put("statistics/beta@2/per_shard", (2, 0), np.nan), "statistics/beta@2/per_shard/c/2/0",
         "holds no statistics"),
        (put("activations/beta@2", (70, 3), 0.1), "statistics/beta@2/per_shard/c/1/0",
         "is not that of its shard"),
        (put("activations/beta@2", (70, 3), np.inf), "activations/beta@2/c/1/0", "not finite"),
        (replace("rows/token_id", np.zeros(160, np.int32)), "rows/token_id/zarr.json",
         "chunks without checksums"),
        (replace("rows/token_id", np.zeros(160, np.int64), **CRC), "rows/token_id/zarr.json",
         "type int64; expected int32"),
        (replace("activations/beta@2", np.zeros((160, 16), np.float32), **CRC),
         "activations/beta@2/zarr.json", "fill value 0.0; expected NaN"),
        (replace("activations/beta@2", np.zeros((160, 15), np.float32), **CRC),
         "activations/beta@2/zarr.json", "shape [160, 15]; expected [160, 16]"),
        (lambda p: (p / "rows/zarr.json").unlink(), "rows/zarr.json", "expected an activation"),
        (lambda p: (p / "rows/mask/zarr.json").write_text("{"), "rows/mask/zarr.json", "rows/mask"),
        (lambda p: (p / "zarr.json").write_text("{"), "zarr.json", "not a readable Zarr v3 group"),
        (lambda p: (p / "activations/beta@2/c/3").write_text("x"), "activations/beta@2/c/3",
         "holds no rows of this array"),
    ],
)  # fmt: skip
def test_broken_promises(store_path: Path, damage: Damage, file: str, what: str) -> None:
    damage(store_path)
    problems = verify_store(store_path)
    assert any(p.file == file and what in p.what for p in problems), problems
    assert not any("\n" in str(p) for p in problems)


def test_a_tiny_change_of_a_statistic_is_noticed_and_rounding_is_not(store_path: Path) -> None:
    array = open_group(store_path, "r+")["statistics/beta@2/variance"]
    good = np.asarray(array[:])
    array[:] = good * (1 + 1e-13)
    (problem,) = verify_store(store_path)  # the same statistic, in other bytes
    assert "its checksum differs" in problem.what
    array[:] = good * np.where(np.arange(16) == 5, 1 + 1e-7, 1)
    (problem,) = verify_store(store_path)
    assert "its checksum differs" not in problem.what


def test_one_wrong_thing_is_listed_once(store_path: Path) -> None:
    (store_path / "activations/alpha@1/c/1/0").write_bytes(b"damaged")
    (problem,) = verify_store(store_path)
    assert problem.file == "activations/alpha@1/c/1/0"
    assert problem.what.startswith("is damaged")


def test_leftovers_are_no_problem(store_path: Path) -> None:
    (store_path / "activations/alpha@1/c/1/0.12ab.partial").write_bytes(b"half")
    assert verify_store(store_path) == []


def test_an_incomplete_store_has_that_problem_alone(unfinished: StoreWriter) -> None:
    unfinished.write_shard("beta@2", 1, np.ones((64, 16), np.float32))
    expected = Problem("zarr.json", "incomplete: 1 of 6 shards; run the same `xc harvest` again")
    assert verify_store(unfinished.path) == [expected]
    shard = unfinished.shard_path("beta@2", 1)
    shard.write_bytes(shard.read_bytes()[:-1])
    assert [p.file for p in verify_store(unfinished.path)] == [
        "zarr.json", "activations/beta@2/c/1/0",
    ]  # fmt: skip


def test_no_store_at_all(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="found none"):
        verify_store(tmp_path)


def test_whatever_is_in_any_metadata_problems_are_listed(store_path: Path) -> None:
    generator = random.Random(0)
    files = sorted(store_path.rglob("zarr.json"))
    for file in generator.sample(files, 12):
        good = file.read_bytes()
        values = json.loads(good)
        values[generator.choice(sorted(values))] = generator.choice([None, [], {}, -1, "x", 1e400])
        file.write_text(json.dumps(values))
        verify_store(store_path)
        file.write_bytes(good)
