"""What is removed of killed writers, and what only looks like it."""

from pathlib import Path

import numpy as np
import pytest

from xc.store_schema import ActivationStore, Source, StoreWriter
from xc.store_schema.atomic import atomic_path
from xc.store_schema.leftovers import is_leftover
from xc.store_schema.verify import verify_store

KEYS = ["gamma@block.partial", ".gamma@block.partial", "gamma@0.beef.partial"]


def test_the_names_that_writers_give(tmp_path: Path) -> None:
    for name, folder in (("zarr.json", False), ("0", False), ("rows", True)):
        with atomic_path(tmp_path / name) as aside:
            aside.mkdir() if folder else aside.touch()
            assert is_leftover(aside)
            assert is_leftover(aside.with_name(f"{aside.name}.old"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("0.3f2a.partial", True),
        ("zarr.0123456789abcdef0123456789abcdef.partial", True),
        (".zarr.json.partial", True),
        ("notes.partial", False),
        ("0", False),
        ("zarr.json", False),
    ],
)
def test_names_of_former_writers(tmp_path: Path, name: str, expected: bool) -> None:
    (tmp_path / name).touch()
    assert is_leftover(tmp_path / name) is expected


@pytest.mark.parametrize("key", KEYS)
def test_a_source_whose_module_has_such_a_name_stays(store_path: Path, key: str) -> None:
    """Its folders were taken for what a killed writer left, and went."""
    module = Source(key, "gamma", None, -1, "module", "block.partial", 8, "float32", "0")
    writer = StoreWriter.open(store_path)
    writer.add_sources([module], codec="fp32", tuples=[("alpha@1", key)])
    rows = np.random.default_rng(0).normal(size=(160, 8)).astype(np.float32)
    for shard in writer.missing(key):
        start, stop = writer.shard_range(shard)
        writer.write_shard(key, shard, rows[start:stop])
    writer.seal()
    writer.close()
    left = store_path / "activations" / key / "c" / "0" / "0.12ab.partial"
    left.write_bytes(b"half")
    again = StoreWriter.open(store_path)
    assert not left.exists()
    assert again.missing(key) == []
    np.testing.assert_array_equal(ActivationStore.open(store_path).activations(key).raw[:], rows)
    assert verify_store(store_path) == []


def test_nothing_goes_while_another_writer_is_there(
    unfinished: StoreWriter, store: ActivationStore
) -> None:
    """Nobody knows whose it is."""
    left = unfinished.shard_path("alpha@1", 0).parent / "0.1234.partial"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert unfinished.missing("alpha@1") == [0, 1, 2]
    assert StoreWriter.open(unfinished.path).others_active
    assert left.exists()
    unfinished.close()
    StoreWriter.open(unfinished.path)
    assert not left.exists()
