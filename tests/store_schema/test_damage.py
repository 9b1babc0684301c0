"""Which shards are not what was written, and what can be mended without a model."""

from pathlib import Path

import numpy as np
import pytest
from folders import contents

from xc.store_schema import ActivationStore, StoreWriter
from xc.store_schema.progress import Silent

KEY = "beta@2"
SHARD = f"activations/{KEY}/c/1/0"
BESIDE = [f"statistics/{KEY}/per_shard/c/1/0", f"norms/{KEY}/c/1", f"shards/{KEY}/c/1/0"]


class Counting(Silent):
    """Progress that counts."""

    total = done = 0

    def start(self, title: str, total: int, unit: str, *, done: int = 0) -> None:
        self.total += total

    def advance(self, amount: int, **figures: float) -> None:
        self.done += amount


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def test_nothing_is_wrong_with_a_whole_store(store_path: Path) -> None:
    before = contents(store_path)
    writer, watched = StoreWriter.open(store_path), Counting()
    assert writer.damaged(KEY, read=False) == []
    assert writer.damaged(KEY, read=True, progress=watched) == []
    assert (watched.total, watched.done) == (3, 3)
    assert contents(store_path) == before


@pytest.mark.parametrize("read", [False, True])
@pytest.mark.parametrize("how", ["cut", "grown"])
def test_another_size_is_seen_without_reading(store_path: Path, how: str, read: bool) -> None:
    file = store_path / SHARD
    file.write_bytes(file.read_bytes()[:-1] if how == "cut" else file.read_bytes() + b"x")
    assert StoreWriter.open(store_path).damaged(KEY, read=read) == [1]


def test_other_bytes_are_seen_by_reading(store_path: Path) -> None:
    flipped(store_path / SHARD)
    writer = StoreWriter.open(store_path)
    assert writer.damaged(KEY, read=False) == []
    assert writer.damaged(KEY, read=True) == [1]
    assert writer.damaged("alpha@1", read=True) == []


def test_a_shard_that_lost_its_record_is_judged_by_its_own_checksums(store_path: Path) -> None:
    good = contents(store_path)
    writer = StoreWriter.open(store_path)
    (store_path / BESIDE[2]).unlink()
    assert writer.damaged(KEY, read=True) == []
    assert contents(store_path) == good
    (store_path / BESIDE[2]).unlink()
    flipped(store_path / SHARD)
    for read in (False, True):
        assert writer.damaged(KEY, read=read) == [1]


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("how", ["gone", "empty", "flipped"])
def test_what_is_lost_beside_an_intact_shard_is_mended(
    store_path: Path, name: str, how: str
) -> None:
    good, writer, file = contents(store_path), StoreWriter.open(store_path), store_path / name
    if how == "flipped":
        flipped(file)
    else:
        file.unlink()
    if how == "empty":
        file.touch()
    assert writer.damaged(KEY, read=how == "flipped") == []
    assert contents(store_path) == good


def test_discarded_shards_are_missing_and_written_again(store_path: Path) -> None:
    good, store = contents(store_path), ActivationStore.open(store_path)
    rows = store.activations(KEY).raw[:]
    writer = StoreWriter.open(store_path)
    writer.discard(KEY, [])
    assert writer.attributes["complete"]
    writer.discard(KEY, [0, 2])
    assert not ActivationStore.open(store_path, allow_incomplete=True).complete
    assert writer.missing(KEY) == [0, 2]
    assert not any((store_path / f"norms/{KEY}/c" / i).exists() for i in "02")
    for shard in (0, 2):
        start, stop = writer.shard_range(shard)
        writer.write_shard(KEY, shard, np.asarray(rows[start:stop]))
    writer.seal()
    assert contents(store_path) == good
