"""Sealing a whole store: what is lost is written again, what is missing is said."""

from pathlib import Path

import pytest
from folders import contents

from xc.store_schema import ActivationStore, DamageError, StoreWriter, XcError

BESIDE = ["statistics/beta@2/per_shard/c/1/0", "norms/beta@2/c/1", "shards/beta@2/c/1/0"]


def test_sealing_twice_changes_no_byte(store_path: Path) -> None:
    before = contents(store_path)
    StoreWriter.open(store_path).seal()
    assert contents(store_path) == before


@pytest.mark.parametrize("name", ["mean", "variance"])
def test_opening_mends_what_the_shards_still_tell(store_path: Path, name: str) -> None:
    good = contents(store_path)
    (store_path / "statistics/beta@2" / name / "c/0").unlink()
    StoreWriter.open(store_path)
    assert contents(store_path) == good


@pytest.mark.parametrize("name", BESIDE)
def test_sealing_mends_what_is_damaged_beside_a_shard(store_path: Path, name: str) -> None:
    good = contents(store_path)
    (store_path / name).write_bytes(b"\0" * (store_path / name).stat().st_size)
    StoreWriter.open(store_path).seal()
    assert contents(store_path) == good


def test_sealing_over_a_damaged_shard_says_so(store_path: Path) -> None:
    shard = store_path / "activations/beta@2/c/1/0"
    shard.write_bytes(b"\0" * shard.stat().st_size)
    (store_path / BESIDE[0]).unlink()
    writer = StoreWriter.open(store_path)
    with pytest.raises(DamageError, match=r"beta@2/c/1/0 is damaged \(1 of 3 shards"):
        writer.seal()


def test_sealing_too_early_says_what_is_missing(unfinished: StoreWriter) -> None:
    with pytest.raises(XcError, match="alpha@1 has 0 of 3 shards; run the same `xc harvest` again"):
        unfinished.seal()
    assert not ActivationStore.open(unfinished.path, allow_incomplete=True).complete
